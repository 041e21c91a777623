//! Photographs from GraphQL to pixels.

use freehold_tests::{Answer, Client, Tenant, shared};
use serde_json::json;

fn url(tenant: &Tenant, slug: &str, arguments: &str) -> String {
    let query =
        format!("query($slug: String!) {{ listArticle(filter: {{ slug: {{ eq: $slug }} }}) {{ cover {{ url{arguments} }} }} }}");
    let answer = Client::default().graphql(&tenant.content_url, Some(&tenant.token), &query, json!({ "slug": slug })).unwrap();
    answer.data("/listArticle/0/cover/url").as_str().expect("a URL").to_owned()
}

fn fetch(url: &str) -> Answer {
    Client::default().get(url, &[]).unwrap()
}

#[track_caller]
fn fetched(url: &str) -> Answer {
    let answer = fetch(url);
    assert_eq!(answer.status, 200, "{url}: {}", String::from_utf8_lossy(&answer.body));
    answer
}

/// Width and height after decoding every pixel.
fn decoded(answer: &Answer) -> (u32, u32) {
    match answer.headers["content-type"].as_str() {
        "image/jpeg" => {
            let mut decoder = jpeg_decoder::Decoder::new(answer.body.as_slice());
            let pixels = decoder.decode().expect("a whole JPEG");
            let info = decoder.info().expect("a header");
            assert_eq!(pixels.len(), usize::from(info.width) * usize::from(info.height) * info.pixel_format.pixel_bytes());
            (info.width.into(), info.height.into())
        }
        "image/png" => {
            let mut reader = png::Decoder::new(std::io::Cursor::new(&answer.body)).read_info().expect("a PNG");
            let mut pixels = vec![0; reader.output_buffer_size().expect("it fits in memory")];
            let frame = reader.next_frame(&mut pixels).expect("a whole PNG");
            (frame.width, frame.height)
        }
        "image/webp" => {
            let image = webp::Decoder::new(&answer.body).decode().expect("a whole WebP");
            (image.width(), image.height())
        }
        other => panic!("unexpected type {other}"),
    }
}

#[test]
fn a_photograph_comes_in_the_size_and_format_that_was_asked_for() {
    let acme = shared().tenant("acme");
    for (format, content_type) in [("jpeg", "image/jpeg"), ("webp", "image/webp"), ("png", "image/png")] {
        let answer = fetched(&url(acme, "evening-in-the-harbour", &format!("(width: 400, format: {format})")));
        assert_eq!(answer.headers["content-type"], content_type);
        assert_eq!(decoded(&answer), (400, 267));
    }
    let cropped = fetched(&url(acme, "evening-in-the-harbour", "(width: 300, height: 300, fit: cover, format: jpeg)"));
    assert_eq!(decoded(&cropped), (300, 300));
}

#[test]
fn the_original_comes_byte_for_byte_and_is_cached_by_its_etag() {
    let acme = shared().tenant("acme");
    let photograph = freehold_tests::binaries::repository().join("examples/blog/photos/acme/harbour.jpg");
    let address = url(acme, "evening-in-the-harbour", "");
    let answer = fetched(&address);
    assert!(answer.body == std::fs::read(photograph).unwrap(), "the bytes differ");
    assert!(answer.headers["cache-control"].contains("max-age="), "{:?}", answer.headers);
    let again = Client::default().get(&address, &[("If-None-Match", answer.headers["etag"].clone())]).unwrap();
    assert_eq!((again.status, again.body.len()), (304, 0));
    let part = Client::default().get(&address, &[("Range", "bytes=0-99".into())]).unwrap();
    assert_eq!((part.status, part.body.as_slice()), (206, &answer.body[..100]));
}

#[test]
fn a_photograph_lying_on_its_side_is_turned_upright() {
    let acme = shared().tenant("acme");
    let answer = fetched(&url(acme, "keeper-of-the-red-tower", "(width: 200, format: jpeg)"));
    assert_eq!(decoded(&answer), (200, 300), "the file is 1600x1067 with EXIF orientation 6");
}

#[test]
fn addresses_are_stable_so_that_caches_work() {
    let acme = shared().tenant("acme");
    let address = || url(acme, "first-light", "(width: 320, format: webp)");
    assert_eq!(address(), address());
}

#[test]
fn the_same_key_is_another_picture_at_another_tenant() {
    let (acme, globex) = (shared().tenant("acme"), shared().tenant("globex"));
    let (at_acme, at_globex) = (fetched(&url(acme, "first-light", "")), fetched(&url(globex, "sunrise-from-the-saddle", "")));
    assert!(at_acme.body != at_globex.body, "photos/sunrise.jpg is the same at both");
}

#[test]
fn an_altered_address_is_refused() {
    let (acme, globex) = (shared().tenant("acme"), shared().tenant("globex"));
    let address = url(acme, "first-light", "(width: 320, format: webp)");
    let refused = |altered: String| {
        assert_ne!(altered, address, "nothing was altered");
        let answer = fetch(&altered);
        assert!(matches!(answer.status, 400 | 403 | 404), "{altered} answered {}", answer.status);
        assert!(
            !answer.headers.get("cache-control").is_some_and(|value| value.contains("max-age=31536000")),
            "a refusal must not be cached for long"
        );
    };
    refused(address.replace(&acme.tenant_id, &globex.tenant_id));
    refused(address.replace("w320", "w3200"));
    refused(address.replace("sunrise.jpg", "harbour.jpg"));
    refused(address.replace("photos/", "photos/../photos/"));
    refused(address.replace("photos/", "photos%2F"));
    refused(format!("{address}?width=9"));
    // Any one character of the token.
    let start = address.find("/i/").unwrap() + 3;
    let token = address[start..].split('/').next().unwrap();
    for at in (0..token.len()).step_by(7) {
        let mut altered = address.clone();
        let other = if &token[at..=at] == "A" { "B" } else { "A" };
        altered.replace_range(start + at..=start + at, other);
        refused(altered);
    }
}

#[test]
fn an_article_refers_to_a_photograph_that_is_there_and_shows_it_resized() {
    let acme = shared().tenant("acme");
    let answer = Client::default()
        .graphql(
            &acme.content_url,
            Some(&acme.token),
            r#"mutation { createArticle(data: {
                title: "With a picture", slug: "with-a-picture-e2e", site: { connect: { slug: "coast" } },
                cover: { key: "photos/dunes.jpg", width: 1600, height: 1200, contentType: "image/jpeg" }
            }) { ok errorMessage node { cover { key width height contentType url(width: 160, format: jpeg) } } } }"#,
            json!({}),
        )
        .unwrap();
    let cover = answer.data("/createArticle/node/cover");
    assert_eq!(
        (&cover["key"], &cover["width"], &cover["height"]),
        (&json!("photos/dunes.jpg"), &json!(1600), &json!(1200)),
        "{}",
        answer.json()
    );
    assert_eq!(decoded(&fetched(cover["url"].as_str().unwrap())), (160, 120));
}

//! Stored bytes as they are: media types, conditions, ranges.

use freehold_ids::TenantId;

use crate::fixture::{SERVICE, STORE, Service, photo};

fn stored(key: &str) -> (TenantId, Vec<u8>, String) {
    let tenant = TenantId::generate();
    let bytes = photo("acme/harbour.jpg");
    STORE.put(tenant, key, &bytes);
    (tenant, bytes, STORE.url(tenant, "o", key))
}

#[test]
fn a_photograph_arrives_unchanged_with_everything_a_browser_needs() {
    let (_, bytes, url) = stored("photos/harbour.jpg");
    let answer = SERVICE.get(&url);
    assert_eq!((answer.status, answer.body == bytes), (200, true));
    assert_eq!(answer.header("content-type"), "image/jpeg");
    assert_eq!(answer.header("content-length"), bytes.len().to_string());
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("content-disposition"), "inline; filename=\"harbour.jpg\"");
    assert!(answer.header("content-security-policy").contains("sandbox"));
    assert_eq!(answer.header("accept-ranges"), "bytes");
    assert!(answer.header("etag").starts_with('"'));
    assert!(!answer.header("x-request-id").is_empty());
    // The URL lives 12 to 36 hours.
    assert!((12 * 3600 - 60..=36 * 3600).contains(&answer.max_age()), "{}", answer.max_age());
}

#[test]
fn head_is_get_without_the_bytes() {
    let (_, _, url) = stored("a.jpg");
    let (get, head) = (SERVICE.get(&url), SERVICE.send("HEAD", &url, &[]));
    assert_eq!((head.status, head.body.len()), (200, 0));
    for name in ["content-length", "content-type", "etag", "accept-ranges", "content-security-policy"] {
        assert_eq!(get.header(name), head.header(name), "{name}");
    }
}

#[test]
fn a_copy_that_is_still_right_is_not_sent_again() {
    let (_, _, url) = stored("a.jpg");
    let etag = SERVICE.get(&url).header("etag").to_owned();
    for method in ["GET", "HEAD"] {
        for list in [etag.clone(), format!("\"other\", {etag}"), format!("W/{etag}"), "*".to_owned()] {
            let answer = SERVICE.send(method, &url, &[("if-none-match", &list)]);
            assert_eq!((answer.status, answer.body.len()), (304, 0), "{method} {list}");
            assert_eq!(answer.header("etag"), etag);
            assert!(answer.max_age() > 0);
        }
        assert_eq!(SERVICE.send(method, &url, &[("if-none-match", "\"other\"")]).status, 200);
    }
}

#[test]
fn parts_are_sent() {
    let (_, bytes, url) = stored("a.jpg");
    let n = bytes.len();
    for (range, first, last) in [
        ("bytes=0-9".to_owned(), 0, 9),
        ("bytes=10-".to_owned(), 10, n - 1),
        ("bytes=-7".to_owned(), n - 7, n - 1),
        (format!("bytes={}-{}", n - 1, n + 100), n - 1, n - 1),
        ("bytes=100-99999999".to_owned(), 100, n - 1),
    ] {
        let answer = SERVICE.get_with(&url, &[("range", &range)]);
        assert_eq!(answer.status, 206, "{range}");
        assert_eq!(answer.header("content-range"), format!("bytes {first}-{last}/{n}"));
        assert_eq!(answer.header("content-type"), "image/jpeg");
        assert!(answer.body == bytes[first..=last], "{range}");
    }
    for range in ["bytes=0-1,5-6", "bytes=9-1", "pages=1-2", "bytes=x"] {
        let answer = SERVICE.get_with(&url, &[("range", range)]);
        assert_eq!((answer.status, answer.body.len()), (200, n), "{range}");
    }
    let answer = SERVICE.get_with(&url, &[("range", &format!("bytes={n}-"))]);
    assert_eq!((answer.status, answer.code().as_str()), (416, "RANGE_NOT_SATISFIABLE"));
    assert_eq!(answer.header("content-range"), format!("bytes */{n}"));
}

#[test]
fn a_part_is_only_continued_from_the_same_state() {
    let (_, bytes, url) = stored("a.jpg");
    let etag = SERVICE.get(&url).header("etag").to_owned();
    let part = |state: &str| SERVICE.get_with(&url, &[("range", "bytes=5-9"), ("if-range", state)]);
    assert_eq!(part(&etag).status, 206);
    for state in ["\"other\"", "Sat, 21 Nov 2026 21:00:00 GMT", &format!("W/{etag}")] {
        let answer = part(state);
        assert_eq!((answer.status, answer.body.len()), (200, bytes.len()), "{state}");
    }
}

#[test]
fn stored_media_types_are_not_believed() {
    let tenant = TenantId::generate();
    for (key, bytes, media_type) in [
        ("a.html", &b"GIF89a\x01\0\x01\0\0\0\0;<script>alert(1)</script>"[..], "image/gif"),
        ("b", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png"),
        ("c.jpg", b"RIFF\x10\0\0\0WEBPVP8 xxxxxxxx", "image/webp"),
        ("d.jpg", b"\0\0\0\x1cftypavif\0\0\0\0avifmif1", "image/avif"),
    ] {
        STORE.put(tenant, key, bytes);
        for answer in [SERVICE.get(&STORE.url(tenant, "o", key)), SERVICE.send("HEAD", &STORE.url(tenant, "o", key), &[])] {
            assert_eq!((answer.status, answer.header("content-type")), (200, media_type), "{key}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
        }
    }
}

#[test]
fn what_is_no_image_is_not_served() {
    let tenant = TenantId::generate();
    for (key, bytes) in [
        ("a.svg", &b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>"[..]),
        ("a.jpg", b"<!doctype html><script>alert(1)</script>"),
        ("a.pdf", b"%PDF-1.7"),
        ("a.zip", b"PK\x03\x04"),
        ("empty.png", b""),
        ("short.png", b"\x89PN"),
    ] {
        STORE.put(tenant, key, bytes);
        let url = STORE.url(tenant, "o", key);
        for answer in [SERVICE.get(&url), SERVICE.get_with(&url, &[("range", "bytes=0-1")])] {
            assert_eq!((answer.status, answer.code().as_str()), (415, "IMAGE_FORMAT_UNSUPPORTED"), "{key}");
        }
        assert_eq!(SERVICE.send("HEAD", &url, &[]).status, 415);
    }
}

#[test]
fn large_objects_are_streamed() {
    let tenant = TenantId::generate();
    // Larger than what is resized, and than what any buffer on the way holds.
    let service = Service::start(|config| config.limits.max_source_bytes = 1024 * 1024);
    let mut bytes = photo("acme/harbour.jpg");
    bytes.resize(8 * 1024 * 1024, 7);
    STORE.put(tenant, "large.jpg", &bytes);
    assert!(service.get(&STORE.url(tenant, "o", "large.jpg")).body == bytes);
    let answer = service.get(&STORE.url(tenant, "w100.jpg", "large.jpg"));
    assert_eq!((answer.status, answer.code().as_str()), (413, "IMAGE_TOO_LARGE"));
}

#[test]
fn missing_objects_are_missing() {
    let tenant = TenantId::generate();
    for operations in ["o", "w100.jpg"] {
        let url = STORE.url(tenant, operations, "none.jpg");
        let answer = SERVICE.get(&url);
        assert_eq!((answer.status, answer.code().as_str()), (404, "IMAGE_NOT_FOUND"));
        assert_eq!(SERVICE.send("HEAD", &url, &[]).status, 404);
        assert_eq!(SERVICE.get_with(&url, &[("range", "bytes=0-1")]).status, 404);
    }
}

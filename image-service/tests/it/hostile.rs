//! Addresses that nobody signed, and stored files that want to do harm.

use chrono::{Duration, Utc};
use freehold_ids::TenantId;

use crate::fixture::{SERVICE, STORE, photo, send};

fn stored() -> (TenantId, String) {
    let tenant = TenantId::generate();
    STORE.put(tenant, "a/b.jpg", &photo("acme/harbour.jpg"));
    (tenant, STORE.url(tenant, "w100.jpg", "a/b.jpg"))
}

#[test]
fn no_changed_byte_of_a_url_goes_unnoticed() {
    let (_, url) = stored();
    assert_eq!(SERVICE.get(&url).status, 200);
    for at in 0..url.len() {
        for byte in [b'A', b'/', b'.', b'%'] {
            let mut changed = url.clone().into_bytes();
            if std::mem::replace(&mut changed[at], byte) == byte {
                continue;
            }
            let status = send(SERVICE.port, "GET", &changed, &[]).status;
            assert!([400, 403, 404].contains(&status), "{status} {}", String::from_utf8_lossy(&changed));
            assert!(status != 404 || at < 3, "404 is for other routes only: {}", String::from_utf8_lossy(&changed));
        }
    }
}

#[test]
fn a_token_of_one_tenant_opens_nothing_of_another() {
    let (tenant, url) = stored();
    let (other, other_url) = stored();
    let answer = SERVICE.get(&url.replace(&tenant.to_string(), &other.to_string()));
    assert_eq!((answer.status, answer.code().as_str()), (403, "TOKEN_SIGNATURE"));
    let token = |url: &str| url.split('/').nth(2).unwrap().to_owned();
    let answer = SERVICE.get(&other_url.replace(&token(&other_url), &token(&url)));
    assert_eq!((answer.status, answer.code().as_str()), (403, "TOKEN_SIGNATURE"));
}

#[test]
fn ended_urls_are_refused() {
    let (tenant, _) = stored();
    let url = STORE.url_at(tenant, "w100.jpg", "a/b.jpg", Utc::now() - Duration::hours(37));
    let answer = SERVICE.get(&url);
    assert_eq!((answer.status, answer.code().as_str()), (403, "TOKEN_EXPIRED"));
}

#[test]
fn other_spellings_are_malformed() {
    let (_, url) = stored();
    for other in [
        format!("{url}?x=1"),
        format!("{url}?"),
        url.replace("a/b.jpg", "a%2Fb.jpg"),
        url.replace("a/b.jpg", "%61/b.jpg"),
        url.replace("a/b.jpg", "a//b.jpg"),
        url.replace("a/b.jpg", "a/./b.jpg"),
        url.replace("a/b.jpg", "a/../a/b.jpg"),
        url.replace("a/b.jpg", "a\\b.jpg"),
        url.replace("a/b.jpg", &format!("{}.jpg", "x".repeat(2000))),
        url.replace("w100.jpg", "w0100.jpg"),
        url.replace("w100.jpg", "w100-q80.jpg"),
        "/i/".to_owned(),
        "/i/x".to_owned(),
        "/i/x/y/o/1/k".to_owned(),
    ] {
        let answer = SERVICE.get(&other);
        assert_eq!(answer.status, 400, "{other}");
        // Signs that HTTP itself does not allow are refused by the server before us.
        if !other.contains('\\') {
            assert!(answer.code().starts_with("IMAGE_"), "{other}");
        }
    }
    for path in
        [url.as_bytes().to_vec(), url.replace("a/b", "a\u{e9}b").into_bytes(), [url.as_bytes(), b"\xff"].concat()].iter().skip(1)
    {
        assert_eq!(send(SERVICE.port, "GET", path, &[]).status, 400);
    }
}

#[test]
fn only_reading_is_possible() {
    let (_, url) = stored();
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"] {
        let answer = SERVICE.send(method, &url, &[("content-length", "0"), ("x-http-method-override", "GET")]);
        assert_eq!((answer.status, answer.code().as_str()), (405, "METHOD_NOT_ALLOWED"), "{method}");
        assert_eq!(answer.header("allow"), "GET, HEAD");
    }
    for path in ["/", "/I/x", "/images", "/.git/config", "/i"] {
        let answer = SERVICE.get(path);
        assert_eq!((answer.status, answer.code().as_str()), (404, "NOT_FOUND"), "{path}");
    }
}

#[test]
fn request_ids_are_kept_when_harmless() {
    let (_, url) = stored();
    let answer = SERVICE.get_with(&url, &[("x-request-id", "0190163d-8694-739b")]);
    assert_eq!(answer.header("x-request-id"), "0190163d-8694-739b");
    let answer = SERVICE.get_with(&url, &[("x-request-id", "a b\"c<script>")]);
    assert!(answer.header("x-request-id").bytes().all(|byte| byte.is_ascii_alphanumeric()));
}

/// 34 bytes that declare 16384 x 16384 pixels.
fn webp_bomb() -> Vec<u8> {
    let body = [b"WEBPVP8L".as_slice(), &[14, 0, 0, 0, 0x2f, 0xff, 0xff, 0xff, 0x0f], &[0; 9]].concat();
    let file = [b"RIFF".as_slice(), &[26, 0, 0, 0], &body].concat();
    assert_eq!(file.len(), 34);
    file
}

fn png_bomb() -> Vec<u8> {
    let mut file = Vec::new();
    drop(png::Encoder::new(&mut file, 50_000, 50_000).write_header().unwrap());
    file
}

#[test]
fn bombs_cost_nothing() {
    let tenant = TenantId::generate();
    for (key, bytes) in [("bomb.webp", webp_bomb()), ("bomb.png", png_bomb())] {
        STORE.put(tenant, key, &bytes);
        let started = std::time::Instant::now();
        let answer = SERVICE.get(&STORE.url(tenant, "w400.jpg", key));
        assert_eq!((answer.status, answer.code().as_str()), (422, "IMAGE_TOO_MANY_PIXELS"), "{key}");
        assert!(started.elapsed().as_secs() < 2);
    }
}

#[test]
fn damaged_and_other_files_are_refused() {
    let tenant = TenantId::generate();
    let (jpeg, png) = (photo("acme/harbour.jpg"), photo("acme/map.png"));
    for (key, bytes, status, code) in [
        ("short.jpg", &jpeg[..jpeg.len() / 2], 422, "IMAGE_DAMAGED"),
        ("head.jpg", &jpeg[..200], 422, "IMAGE_DAMAGED"),
        ("magic.jpg", &jpeg[..4], 422, "IMAGE_DAMAGED"),
        ("short.png", &png[..png.len() / 2], 422, "IMAGE_DAMAGED"),
        ("magic.webp", b"RIFF\x04\0\0\0WEBP", 422, "IMAGE_DAMAGED"),
        ("a.gif", b"GIF89a\x01\0\x01\0\0\0\0;", 415, "IMAGE_FORMAT_UNSUPPORTED"),
        ("a.svg", b"<svg/>", 415, "IMAGE_FORMAT_UNSUPPORTED"),
        ("empty", b"", 415, "IMAGE_FORMAT_UNSUPPORTED"),
    ] {
        STORE.put(tenant, key, bytes);
        let answer = SERVICE.get(&STORE.url(tenant, "w64.png", key));
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{key}");
    }
}

#[test]
fn results_beyond_the_limit_are_refused() {
    let tenant = TenantId::generate();
    STORE.put(tenant, "a.jpg", &photo("acme/harbour.jpg"));
    let service = crate::fixture::Service::start(|config| config.limits.max_output_side = 300);
    let answer = service.get(&STORE.url(tenant, "w301.jpg", "a.jpg"));
    assert_eq!((answer.status, answer.code().as_str()), (422, "IMAGE_OUTPUT_TOO_LARGE"));
    assert_eq!(service.get(&STORE.url(tenant, "w300.jpg", "a.jpg")).status, 200);
}

//! The object store away, slow or breaking off; too many requests.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use freehold_ids::TenantId;

use crate::fixture::{SERVICE, STORE, Service, photo};

/// A listener that answers every request with these bytes and then keeps silent, or hangs up.
fn store_that_answers(head: &'static [u8], hangs_up: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut buffer = [0; 8192];
                let _ = stream.read(&mut buffer);
                let _ = stream.write_all(head);
                if !hangs_up {
                    // Until the other side gives up.
                    while stream.read(&mut buffer).is_ok_and(|n| n > 0) {}
                }
            });
        }
    });
    endpoint
}

#[test]
fn health_and_readiness_are_two_things() {
    assert_eq!((SERVICE.get("/healthz").status, SERVICE.get("/readyz").status), (200, 200));
    let away = Service::start_with("http://127.0.0.1:1", |_| {});
    assert_eq!(away.get("/healthz").status, 200);
    let answer = away.get("/readyz");
    assert_eq!((answer.status, answer.code().as_str()), (503, "STORAGE_UNAVAILABLE"));
    let no_bucket = Service::start(|config| config.s3.bucket = "no-such-bucket".to_owned());
    assert_eq!(no_bucket.get("/readyz").status, 503);
}

#[test]
fn a_store_that_is_away_is_503() {
    let away = Service::start_with("http://127.0.0.1:1", |_| {});
    let tenant = TenantId::generate();
    for operations in ["o", "w100.jpg"] {
        let url = STORE.url(tenant, operations, "a.jpg");
        let answer = away.get(&url);
        assert_eq!((answer.status, answer.code().as_str()), (503, "STORAGE_UNAVAILABLE"));
        assert_eq!(answer.header("retry-after"), "5");
        assert_eq!(away.send("HEAD", &url, &[]).status, 503);
    }
}

#[test]
fn refusals_of_the_store_are_no_missing_images() {
    const NO_BUCKET: &[u8] = b"HTTP/1.1 404 Not Found\r\ncontent-length: 54\r\nconnection: close\r\n\r\n<Error><Code>NoSuchBucket</Code><Message/></Error>    ";
    const DENIED: &[u8] = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 54\r\nconnection: close\r\n\r\n<Error><Code>AccessDenied</Code><Message/></Error>    ";
    for answer in [NO_BUCKET, DENIED] {
        let service = Service::start_with(&store_that_answers(answer, true), |_| {});
        let answer = service.get(&STORE.url(TenantId::generate(), "o", "a.jpg"));
        assert_eq!((answer.status, answer.code().as_str()), (503, "STORAGE_UNAVAILABLE"));
    }
}

#[test]
fn a_silent_store_is_given_up() {
    let silent = Service::start_with(&store_that_answers(b"", false), |config| config.s3.read_timeout_ms = 500);
    let started = Instant::now();
    let answer = silent.get(&STORE.url(TenantId::generate(), "w100.jpg", "a.jpg"));
    assert_eq!((answer.status, answer.code().as_str()), (503, "STORAGE_UNAVAILABLE"));
    assert!(started.elapsed() < Duration::from_secs(12), "{:?}", started.elapsed());
}

#[test]
fn an_object_that_breaks_off_is_never_taken_for_whole() {
    const HALF: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\netag: \"x\"\r\n\r\n\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xdb\0\x43\0\x01";
    for hangs_up in [true, false] {
        let service = Service::start_with(&store_that_answers(HALF, hangs_up), |config| config.s3.read_timeout_ms = 500);
        let tenant = TenantId::generate();
        let answer = service.get(&STORE.url(tenant, "w100.jpg", "a.jpg"));
        assert_eq!((answer.status, answer.code().as_str()), (503, "STORAGE_UNAVAILABLE"));
        let answer = service.get(&STORE.url(tenant, "o", "a.jpg"));
        // Either nothing was sent yet, or the browser sees fewer bytes than announced.
        let is_short = answer.status == 200 && answer.header("content-length") == "100000" && answer.body.len() < 100_000;
        assert!(answer.status == 503 || is_short, "{} {}", answer.status, answer.body.len());
    }
}

#[test]
fn a_full_queue_says_when_to_come_back() {
    let silent = store_that_answers(b"", false);
    let service = Service::start_with(&silent, |config| {
        config.s3.read_timeout_ms = 3000;
        config.work.max_queue = 2;
        config.work.max_queue_per_tenant = 1;
    });
    let (abuser, victim) = (TenantId::generate(), TenantId::generate());
    let get = |tenant: TenantId, width: u32| service.get(&STORE.url(tenant, &format!("w{width}.jpg"), "a.jpg"));
    std::thread::scope(|scope| {
        scope.spawn(|| get(abuser, 1));
        while service.metric("freehold_images_queued") < 1.0 {
            std::thread::sleep(Duration::from_millis(10));
        }
        let answer = get(abuser, 2);
        assert_eq!((answer.status, answer.code().as_str()), (429, "TENANT_IMAGES_BUSY"));
        assert_eq!(answer.header("retry-after"), "1");
        scope.spawn(|| get(victim, 1));
        while service.metric("freehold_images_queued") < 2.0 {
            std::thread::sleep(Duration::from_millis(10));
        }
        let answer = get(TenantId::generate(), 1);
        assert_eq!((answer.status, answer.code().as_str()), (503, "IMAGES_BUSY"));
        assert_eq!(answer.header("retry-after"), "1");
    });
    assert_eq!(service.metric("freehold_images_queued"), 0.0);
}

#[test]
fn abandoned_work_leaves_the_queue() {
    let service = Service::start_with(&store_that_answers(b"", false), |config| config.s3.read_timeout_ms = 20_000);
    let url = STORE.url(TenantId::generate(), "w9.jpg", "a.jpg");
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", service.port)).unwrap();
    stream.write_all(format!("GET {url} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).unwrap();
    while service.metric("freehold_images_queued") < 1.0 {
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(stream);
    let started = Instant::now();
    while service.metric("freehold_images_queued") > 0.0 {
        assert!(started.elapsed() < Duration::from_secs(10), "still queued");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn metrics_count_without_naming_anybody() {
    let tenant = TenantId::generate();
    STORE.put(tenant, "secret-name.jpg", &photo("acme/harbour.jpg"));
    let service = Service::start(|_| {});
    assert_eq!(service.get(&STORE.url(tenant, "w64.jpg", "secret-name.jpg")).status, 200);
    assert_eq!(service.get(&STORE.url(tenant, "o", "secret-name.jpg")).status, 200);
    assert_eq!(service.get("/i/x").status, 400);
    let text = String::from_utf8(service.get("/metrics").body).unwrap();
    for line in [
        "freehold_images_requests_total{code=\"\",kind=\"variant\",status=\"200\"} 1",
        "freehold_images_requests_total{code=\"\",kind=\"original\",status=\"200\"} 1",
        "freehold_images_requests_total{code=\"IMAGE_URL_MALFORMED\",kind=\"refused\",status=\"400\"} 1",
        "freehold_images_stage_seconds_count{stage=\"transform\"} 1",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(!text.contains("secret-name") && !text.contains(&tenant.to_string()) && !text.contains("eyJ"));
}

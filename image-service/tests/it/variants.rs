//! Resized images: sizes, formats, conditions, sharing of work.

use std::collections::BTreeSet;

use freehold_ids::TenantId;

use crate::fixture::{SERVICE, STORE, Service, measure, photo};

#[test]
fn photographs_are_resized() {
    let tenant = TenantId::generate();
    for name in ["acme/harbour.jpg", "acme/map.png", "globex/aurora.jpg"] {
        let source = photo(name);
        let (_, width, height) = measure(&source);
        STORE.put(tenant, name, &source);
        for (format, media_type) in [("jpg", "image/jpeg"), ("png", "image/png"), ("webp", "image/webp")] {
            let answer = SERVICE.get(&STORE.url(tenant, &format!("w400.{format}"), name));
            assert_eq!((answer.status, answer.header("content-type")), (200, media_type), "{name}");
            let (_, result_width, result_height) = measure(&answer.body);
            let scaled = (f64::from(height) * 400.0 / f64::from(width)).round();
            assert_eq!((result_width, f64::from(result_height)), (400, scaled), "{name} {width}x{height}");
            assert!(answer.header("etag").starts_with("W/\""));
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            assert!(answer.max_age() > 0);

            let answer = SERVICE.get(&STORE.url(tenant, &format!("w320-h320-fc.{format}"), name));
            assert_eq!(measure(&answer.body).1, measure(&answer.body).2, "{name}");
        }
        let answer = SERVICE.get(&STORE.url(tenant, "w4000.jpg", name));
        assert_eq!(measure(&answer.body), ("jpeg", width, height), "never enlarged");
    }
}

#[test]
fn results_look_like_their_source() {
    let tenant = TenantId::generate();
    let source = photo("acme/harbour.jpg");
    STORE.put(tenant, "a.jpg", &source);
    let answer = SERVICE.get(&STORE.url(tenant, "w64-q95.jpg", "a.jpg"));
    let mean = |bytes: &[u8]| -> [f64; 3] {
        let pixels = jpeg_decoder::Decoder::new(bytes).decode().unwrap();
        let n = pixels.len() as f64 / 3.0;
        std::array::from_fn(|channel| pixels.iter().skip(channel).step_by(3).map(|value| f64::from(*value)).sum::<f64>() / n)
    };
    for (one, two) in mean(&source).iter().zip(mean(&answer.body)) {
        assert!((one - two).abs() < 2.0, "{one} {two}");
    }
}

#[test]
fn head_knows_the_length() {
    let tenant = TenantId::generate();
    STORE.put(tenant, "a.jpg", &photo("acme/harbour.jpg"));
    let url = STORE.url(tenant, "w100.webp", "a.jpg");
    let (head, get) = (SERVICE.send("HEAD", &url, &[]), SERVICE.get(&url));
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), get.body.len().to_string());
    assert_eq!(head.header("etag"), get.header("etag"));
}

#[test]
fn a_known_variant_is_confirmed_without_asking_the_store() {
    let tenant = TenantId::generate();
    STORE.put(tenant, "a.jpg", &photo("acme/harbour.jpg"));
    let url = STORE.url(tenant, "w100.jpg", "a.jpg");
    let etag = SERVICE.get(&url).header("etag").to_owned();
    STORE.delete(tenant, "a.jpg");
    let fresh = Service::start(|_| {});
    let answer = fresh.get_with(&url, &[("if-none-match", &etag)]);
    assert_eq!((answer.status, answer.body.len(), answer.header("etag")), (304, 0, etag.as_str()));
    assert!(answer.max_age() > 0);
    assert_eq!(fresh.get(&url).status, 404);
}

#[test]
fn every_representation_has_its_own_etag() {
    let tenant = TenantId::generate();
    STORE.put(tenant, "a.jpg", &photo("acme/harbour.jpg"));
    let operations = ["w100.jpg", "w101.jpg", "w100.png", "w100.webp", "w100-q70.jpg", "w100-h100.jpg", "w100-h100-fc.jpg"];
    let etags: BTreeSet<_> = operations
        .iter()
        .map(|operations| SERVICE.get(&STORE.url(tenant, operations, "a.jpg")).header("etag").to_owned())
        .collect();
    assert_eq!(etags.len(), operations.len());
}

#[test]
fn the_same_key_of_two_tenants_is_two_pictures() {
    let (acme, globex) = (TenantId::generate(), TenantId::generate());
    STORE.put(acme, "photos/sunrise.jpg", &photo("acme/sunrise.jpg"));
    STORE.put(globex, "photos/sunrise.jpg", &photo("globex/sunrise.jpg"));
    let [one, two] = [acme, globex].map(|tenant| SERVICE.get(&STORE.url(tenant, "w64.png", "photos/sunrise.jpg")));
    assert_eq!((one.status, two.status), (200, 200));
    assert_ne!(one.body, two.body);
    assert_ne!(one.header("etag"), two.header("etag"));
}

#[test]
fn one_image_is_made_once_for_all_who_ask() {
    let tenant = TenantId::generate();
    STORE.put(tenant, "a.jpg", &photo("acme/harbour.jpg"));
    let service = Service::start(|_| {});
    let url = STORE.url(tenant, "w700.webp", "a.jpg");
    let bodies: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(|| service.get(&url))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(bodies.iter().all(|answer| answer.status == 200 && answer.body == bodies[0].body));
    let made = service.metric("freehold_images_variants_total{origin=\"made\"}");
    let shared = service.metric("freehold_images_variants_total{origin=\"joined\"}")
        + service.metric("freehold_images_variants_total{origin=\"kept\"}");
    assert_eq!((made, shared), (1.0, 15.0));
    assert_eq!(service.metric("freehold_images_queued"), 0.0);
}

#[test]
fn without_memory_images_are_made_again() {
    let tenant = TenantId::generate();
    STORE.put(tenant, "a.jpg", &photo("acme/harbour.jpg"));
    let service = Service::start(|config| config.cache.memory_bytes = 0);
    let url = STORE.url(tenant, "w50.jpg", "a.jpg");
    assert_eq!(service.get(&url).body, service.get(&url).body);
    assert_eq!(service.metric("freehold_images_variants_total{origin=\"made\"}"), 2.0);
}

#[test]
fn the_longest_lifetime_is_a_setting() {
    let tenant = TenantId::generate();
    STORE.put(tenant, "a.jpg", &photo("acme/harbour.jpg"));
    let service = Service::start(|config| config.cache.max_age_seconds = 60);
    for operations in ["o", "w50.jpg"] {
        assert_eq!(service.get(&STORE.url(tenant, operations, "a.jpg")).max_age(), 60);
    }
}

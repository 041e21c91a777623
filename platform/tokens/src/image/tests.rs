use data_encoding::BASE64URL_NOPAD;
use proptest::prelude::*;
use ring::hmac;
use uuid::Uuid;

use super::*;
use crate::Keyring;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const OTHER_KEY: &str = "_wECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const NOW: i64 = 1_795_000_000;

fn ring() -> Keyring {
    Keyring::parse(&format!(r#"{{"current": "k1", "keys": {{"k1": "{KEY}"}}}}"#)).unwrap()
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

fn tenant(number: u128) -> TenantId {
    TenantId::from_uuid(Uuid::from_u128(number))
}

fn url(operations: &str, key: &str) -> String {
    sign(&ring(), tenant(1), &operations.parse().unwrap(), "v7", key, at(NOW)).unwrap()
}

fn code(path: &str) -> Result<(), &'static str> {
    verify(&ring(), path, at(NOW)).map(|_| ()).map_err(|error| error.code())
}

/// Header, payload, rest of the path, and the path with another token, rightly signed for tenant 1.
fn resigned(path: &str, header: &str, payload: &str) -> String {
    let behind = path.splitn(4, '/').nth(3).unwrap();
    let message = format!("{}.{}", BASE64URL_NOPAD.encode(header.as_bytes()), BASE64URL_NOPAD.encode(payload.as_bytes()));
    let tag = hmac::sign(&tenant_key(ring().current().1, tenant(1)), message.as_bytes());
    format!("/i/{message}.{}/{behind}", BASE64URL_NOPAD.encode(tag.as_ref()))
}

fn payload_of(path: &str) -> String {
    let payload = path.split('/').nth(2).unwrap().split('.').nth(1).unwrap();
    String::from_utf8(BASE64URL_NOPAD.decode(payload.as_bytes()).unwrap()).unwrap()
}

#[test]
fn signed_urls_are_verified() {
    let path = url("w800-h600-fc-q75.webp", "products/red-shoe_2~x.jpg");
    let request = verify(&ring(), &path, at(NOW)).unwrap();
    assert_eq!(request.tenant, tenant(1));
    assert_eq!(request.operations.to_string(), "w800-h600-fc-q75.webp");
    assert_eq!((request.version.as_str(), request.object.own()), ("v7", "products/red-shoe_2~x.jpg"));
    assert_eq!(request.object.as_str(), format!("{}/products/red-shoe_2~x.jpg", tenant(1)));
    // A digest-bound HS256 URL of this shape is short enough for every proxy.
    assert!(path.len() < 300, "{} bytes", path.len());
}

/// The format is fixed: computed once by another implementation (Python's hmac and hashlib).
#[test]
fn urls_are_as_another_implementation_makes_them() {
    assert_eq!(url("w800.webp", "a/b.jpg"), include_str!("golden_url.txt").trim_end());
}

#[test]
fn urls_are_the_same_for_a_day_and_then_live_half_a_day_at_least() {
    let operations = Operations::Original;
    let mut urls = std::collections::BTreeMap::<String, Vec<i64>>::new();
    for minute in 0..3 * 24 * 60 {
        let now = NOW + minute * 60;
        let path = sign(&ring(), tenant(1), &operations, "v7", "a.jpg", at(now)).unwrap();
        let life = verify(&ring(), &path, at(now)).unwrap().expires_at.timestamp() - now;
        assert!((MIN_LIFE_SECONDS..=MIN_LIFE_SECONDS + BUCKET_SECONDS).contains(&life), "{life}");
        urls.entry(path).or_default().push(now);
    }
    assert!(urls.len() <= 4, "{}", urls.len());
    let spans: Vec<_> = urls.values().map(|times| times.last().unwrap() - times.first().unwrap()).collect();
    assert!(spans.iter().filter(|span| **span >= BUCKET_SECONDS - 60).count() >= 2, "{spans:?}");
}

#[test]
fn urls_do_not_all_change_at_the_same_second() {
    let ends: std::collections::BTreeSet<_> =
        (0..50).map(|n| verify(&ring(), &url("o", &format!("{n}.jpg")), at(NOW)).unwrap().expires_at).collect();
    assert!(ends.len() > 45, "{}", ends.len());
}

#[test]
fn ended_urls_are_refused_and_clocks_may_differ() {
    let path = url("o", "a.jpg");
    let end = verify(&ring(), &path, at(NOW)).unwrap().expires_at.timestamp();
    assert!(verify(&ring(), &path, at(NOW - 60)).is_ok() && verify(&ring(), &path, at(end - 1)).is_ok());
    assert_eq!(verify(&ring(), &path, at(end)), Err(TokenError::Expired.into()));
}

#[test]
fn keys_are_replaced_without_losing_urls() {
    let both = Keyring::parse(&format!(r#"{{"current": "k2", "keys": {{"k1": "{KEY}", "k2": "{OTHER_KEY}"}}}}"#)).unwrap();
    let old = url("o", "a.jpg");
    assert!(verify(&both, &old, at(NOW)).is_ok());
    let new = Signer::new(&both).tenant(tenant(1)).sign(&Operations::Original, "v7", "a.jpg", at(NOW)).unwrap();
    assert!(verify(&both, &new, at(NOW)).is_ok());
    assert_eq!(code(&new), Err("TOKEN_UNKNOWN_KEY"));
}

#[test]
fn a_token_of_one_tenant_is_nothing_to_another() {
    let path = url("o", "a.jpg");
    let others = path.replace(&tenant(1).to_string(), &tenant(2).to_string());
    assert_eq!(code(&others), Err("TOKEN_SIGNATURE"));
    // Even with a digest of the other tenant's path: the key is the wall, not the claim.
    let behind = others.splitn(4, '/').nth(3).unwrap();
    let digest = ring::digest::digest(&ring::digest::SHA256, format!("/{behind}").as_bytes());
    let payload = signing::payload(NOW + 60, &digest.as_ref()[..DIGEST_BYTES]);
    let forged = resigned(&others, r#"{"alg":"HS256","kid":"k1"}"#, &payload);
    assert_eq!(code(&forged), Err("TOKEN_SIGNATURE"));
}

#[test]
fn a_token_is_for_one_path() {
    let (one, two) = (url("w100.jpg", "a.jpg"), url("w2000.jpg", "a.jpg"));
    let token = |path: &str| path.split('/').nth(2).unwrap().to_owned();
    assert_eq!(code(&two.replace(&token(&two), &token(&one))), Err("TOKEN_PATH"));
    // The token in the key as well: it is consumed at one place only.
    let twice = format!("{one}/{}", token(&one));
    assert_eq!(code(&twice), Err("TOKEN_PATH"));
}

#[test]
fn tokens_have_one_spelling() {
    let path = url("o", "a.jpg");
    let payload = payload_of(&path);
    let header = r#"{"alg":"HS256","kid":"k1"}"#;
    assert_eq!(resigned(&path, header, &payload), path);
    for (header, payload, expected) in [
        (r#"{"kid":"k1","alg":"HS256"}"#, payload.clone(), "TOKEN_CLAIMS"),
        (r#"{"alg":"HS256","kid":"k1","typ":"JWT"}"#, payload.clone(), "TOKEN_CLAIMS"),
        (r#"{"alg":"none","kid":"k1"}"#, payload.clone(), "TOKEN_ALGORITHM"),
        (r#"{"alg":"HS256","kid":"k1","crit":[]}"#, payload.clone(), "TOKEN_HEADER"),
        (r#"{"alg":"HS256","kid":"k9"}"#, payload.clone(), "TOKEN_UNKNOWN_KEY"),
        (header, payload.replace(',', ", "), "TOKEN_CLAIMS"),
        (header, payload.replace("\"h\"", "\"exp\":1,\"h\""), "TOKEN_CLAIMS"),
        (header, payload.replace('}', ",\"nbf\":0}"), "TOKEN_CLAIMS"),
        (header, payload.replace("\"exp\":", "\"exp\":\"never\",\"x\":"), "TOKEN_CLAIMS"),
        (header, format!("{{\"exp\":\"never\"{}", &payload[payload.find(",\"h").unwrap()..]), "TOKEN_CLAIMS"),
        (header, format!("{{\"exp\":-1{}", &payload[payload.find(",\"h").unwrap()..]), "TOKEN_EXPIRED"),
        (header, format!("{{\"exp\":1e12{}", &payload[payload.find(",\"h").unwrap()..]), "TOKEN_CLAIMS"),
        (header, format!("{{\"exp\":9223372036854775807{}", &payload[payload.find(",\"h").unwrap()..]), "TOKEN_CLAIMS"),
        (header, "{\"exp\":99999999999}".to_owned(), "TOKEN_CLAIMS"),
        (header, "{}".to_owned(), "TOKEN_CLAIMS"),
    ] {
        assert_eq!(code(&resigned(&path, header, &payload)), Err(expected), "{header} {payload}");
    }
}

#[test]
fn caller_tokens_open_no_image() {
    let claims =
        crate::caller::CallerClaims { tenant: tenant(1), subject: Uuid::nil(), roles: Vec::new(), expires_at: at(NOW + 3600) };
    let token = crate::caller::mint(&ring(), &claims);
    assert_eq!(code(&format!("/i/{token}/{}/o/v7/a.jpg", tenant(1))), Err("TOKEN_SIGNATURE"));
}

#[test]
fn other_spellings_of_a_path_are_malformed() {
    let path = url("o", "a/b.jpg");
    let end = |key: &str| path.replace("a/b.jpg", key);
    for key in [
        "a%2Fb.jpg",
        "a%2fb.jpg",
        "a%252Fb.jpg",
        "%61/b.jpg",
        "a//b.jpg",
        "/a/b.jpg",
        "a/b.jpg/",
        "a/./b.jpg",
        "a/../a/b.jpg",
        "..",
        ".",
        "a\\b.jpg",
        "a/b.jpg?x=1",
        "a/b.jpg?",
        "a/b.jpg#x",
        "a/b.jpg ",
        "a/b.jpg%00",
        "a/b.jpg\0",
        "a/b.jpg\n",
        "a/b.jpg;x",
        "a/b.jpg&x",
        "a/b+c.jpg",
        "a/b@c",
        "a/é.jpg",
        "a/\u{ff0f}b",
        "",
        "a/%c0%af/b",
        "a:b",
        "a*b",
        "a'b",
        "a\"b",
        "a<b>",
    ] {
        assert_eq!(code(&end(key)), Err("IMAGE_URL_MALFORMED"), "{key:?}");
    }
    for other in [
        path.replace("/i/", "/I/"),
        path.replace("/i/", "//i/"),
        path.replace("/i/", "i/"),
        path.replace("/v7/", "//"),
        path.replace("/v7/", "/v.7/"),
        path.replace("/v7/", &format!("/{}/", "v".repeat(65))),
        path.replace(&tenant(1).to_string(), "acme"),
        path.replace(&tenant(1).to_string(), &tenant(1).to_string().to_uppercase()),
        path.replace("/o/v7/a/b.jpg", "/o/v7"),
        format!("http://host{path}"),
        String::new(),
        "/i/".to_owned(),
        "/i////".to_owned(),
    ] {
        assert_eq!(code(&other), Err("IMAGE_URL_MALFORMED"), "{other:?}");
    }
    for operations in ["O", "original", "w800", "w0800.jpg", "h1-w1.jpg", "w1-q80.jpg", ".."] {
        assert_eq!(code(&path.replace("/o/", &format!("/{operations}/"))), Err("IMAGE_OPERATIONS_INVALID"), "{operations}");
    }
}

#[test]
fn long_paths_are_neither_made_nor_read() {
    let sign = |n: usize| sign(&ring(), tenant(1), &Operations::Original, "v7", &"k".repeat(n), at(NOW));
    let longest = (1..MAX_PATH_BYTES).rev().find(|n| sign(*n).is_ok()).unwrap();
    let path = sign(longest).unwrap();
    assert_eq!((path.len(), code(&path)), (MAX_PATH_BYTES, Ok(())));
    assert_eq!(sign(longest + 1).unwrap_err().code(), "IMAGE_URL_TOO_LONG");
    assert_eq!(code(&format!("{path}k")), Err("IMAGE_URL_TOO_LONG"));
}

#[test]
fn keys_that_no_url_can_hold_are_not_signed() {
    for (version, key) in
        [("v7", "a b.jpg"), ("v7", "../x"), ("v7", ""), ("v7", "/a"), ("v7", "ü.jpg"), ("", "a"), ("v/7", "a"), ("v7", "a%20b")]
    {
        let error = sign(&ring(), tenant(1), &Operations::Original, version, key, at(NOW)).unwrap_err();
        assert_eq!(error.code(), "IMAGE_URL_MALFORMED", "{version:?} {key:?}");
    }
}

#[test]
fn a_signer_keeps_what_it_derived_within_bounds() {
    let signer = Signer::new(&ring());
    for number in 0..5000 {
        let path = signer.tenant(tenant(number)).sign(&Operations::Original, "v7", "a.jpg", at(NOW)).unwrap();
        assert!(number % 500 != 0 || verify(&ring(), &path, at(NOW)).is_ok());
    }
    let again = signer.tenant(tenant(1)).sign(&"w800.webp".parse().unwrap(), "v7", "a/b.jpg", at(NOW)).unwrap();
    assert_eq!(again, url("w800.webp", "a/b.jpg"));
}

fn operations() -> impl Strategy<Value = Operations> {
    let side = || prop::option::of(1..=MAX_SIDE);
    let fit = prop_oneof![Just(Fit::Contain), Just(Fit::Cover)];
    let format = prop_oneof![Just(Format::Jpeg), Just(Format::Png), Just(Format::Webp)];
    let resize = (side(), side(), fit, format, prop::option::of(1u8..=100))
        .prop_filter_map("operations", |(w, h, fit, format, quality)| Resize::new(w, h, fit, format, quality).ok());
    prop_oneof![Just(Operations::Original), resize.prop_map(Operations::Resize)]
}

proptest! {
    #[test]
    fn operations_round_trip(operations in operations()) {
        prop_assert_eq!(operations.to_string().parse(), Ok(operations));
    }

    #[test]
    fn operations_have_one_spelling(text in "[a-z0-9.-]{0,20}") {
        if let Ok(operations) = text.parse::<Operations>() {
            prop_assert_eq!(operations.to_string(), text);
        }
    }

    #[test]
    fn what_is_signed_is_verified_by_its_tenant_alone(
        (one, two) in (any::<u128>(), any::<u128>()), operations in operations(), version in "[A-Za-z0-9_-]{1,20}",
        key in "[A-Za-z0-9_~-]{1,20}(/[A-Za-z0-9_~-]{1,20}){0,3}(\\.jpg)?", seconds in 0i64..4_000_000_000,
    ) {
        prop_assume!(one != two);
        let path = sign(&ring(), tenant(one), &operations, &version, &key, at(seconds)).unwrap();
        let request = verify(&ring(), &path, at(seconds)).unwrap();
        prop_assert_eq!((request.tenant, request.operations, request.version.as_str(), request.object.own()), (tenant(one), operations, version.as_str(), key.as_str()));
        let others = path.replacen(&tenant(one).to_string(), &tenant(two).to_string(), 1);
        prop_assert!(verify(&ring(), &others, at(seconds)).is_err());
    }

    #[test]
    fn no_changed_inserted_or_lost_byte_goes_unnoticed(operations in operations(), position in any::<prop::sample::Index>(), byte in 0x01u8..0x80) {
        let path = url(&operations.to_string(), "a/b.jpg").into_bytes();
        let position = position.index(path.len());
        let mut changed = path.clone();
        changed[position] = byte;
        let mut inserted = path.clone();
        inserted.insert(position, byte);
        let mut lost = path.clone();
        lost.remove(position);
        for other in [changed, inserted, lost] {
            let refused = code(std::str::from_utf8(&other).unwrap());
            prop_assert!(other == path || refused.is_err(), "{}", String::from_utf8_lossy(&other));
        }
    }

    #[test]
    fn nonsense_is_refused_and_never_panics(text in "\\PC{0,200}") {
        let path = format!("/i/{text}");
        prop_assert!(code(&text).is_err());
        prop_assert!(code(&path).is_err());
    }
}

use data_encoding::BASE64URL_NOPAD;
use proptest::prelude::*;
use ring::hmac;

use super::*;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const OTHER_KEY: &str = "_wECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

fn ring_of(current: &str, keys: &[(&str, &str)]) -> Keyring {
    let keys: Vec<_> = keys.iter().map(|(name, key)| format!(r#""{name}": "{key}""#)).collect();
    Keyring::parse(&format!(r#"{{"current": "{current}", "keys": {{{}}}}}"#, keys.join(","))).unwrap()
}

fn ring() -> Keyring {
    ring_of("k1", &[("k1", KEY)])
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

const NOW: i64 = 1_795_000_000;

fn claims() -> CallerClaims {
    CallerClaims {
        tenant: TenantId::from_uuid(Uuid::from_u128(7)),
        subject: Uuid::from_u128(8),
        roles: vec![
            RoleGrant {
                role: "editor".to_owned(),
                variables: BTreeMap::from([("site".to_owned(), vec!["a".to_owned(), "b".to_owned()])]),
            },
            RoleGrant { role: "visitor".to_owned(), variables: BTreeMap::new() },
        ],
        expires_at: at(NOW + 3600),
    }
}

/// A token with any header and payload, rightly signed by the ring's key.
fn signed(header: &str, payload: &str) -> String {
    let ring = ring();
    let key = hmac::Key::new(hmac::HMAC_SHA256, key(ring.current().1).as_slice());
    let message = format!("{}.{}", BASE64URL_NOPAD.encode(header.as_bytes()), BASE64URL_NOPAD.encode(payload.as_bytes()));
    let signature = BASE64URL_NOPAD.encode(hmac::sign(&key, message.as_bytes()).as_ref());
    format!("{message}.{signature}")
}

const HEADER: &str = r#"{"alg":"HS256","kid":"k1"}"#;

fn payload(changed: &str, value: &str) -> String {
    let tenant = format!("\"{}\"", claims().tenant);
    let subject = format!("\"{}\"", claims().subject);
    let exp = (NOW + 60).to_string();
    let claims = [
        ("aud", "\"freehold-engine\""),
        ("exp", exp.as_str()),
        ("sub", subject.as_str()),
        ("tenant", tenant.as_str()),
        ("roles", "[]"),
    ];
    let texts: Vec<_> = claims
        .iter()
        .map(|(name, text)| (*name, if *name == changed { value } else { *text }))
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| format!("\"{name}\":{text}"))
        .collect();
    format!("{{{}}}", texts.join(","))
}

fn code(token: &str) -> Result<(), &'static str> {
    verify(&ring(), token, at(NOW)).map(|_| ()).map_err(|error| error.code())
}

#[test]
fn claims_survive_the_token() {
    let token = mint(&ring(), &claims());
    assert_eq!(verify(&ring(), &token, at(NOW)), Ok(claims()));
    assert_eq!(verify(&ring(), &token, at(NOW + 3599)), Ok(claims()));
    assert_eq!(verify(&ring(), &token, at(NOW + 3600)), Err(TokenError::Expired));
}

#[test]
fn keys_are_replaced_without_losing_tokens() {
    let token = mint(&ring(), &claims());
    let both = ring_of("k2", &[("k1", KEY), ("k2", OTHER_KEY)]);
    assert_eq!(verify(&both, &token, at(NOW)), Ok(claims()));
    let new = mint(&both, &claims());
    assert_eq!(verify(&ring(), &new, at(NOW)), Err(TokenError::UnknownKey));
    let without_old = ring_of("k2", &[("k2", OTHER_KEY)]);
    assert_eq!(verify(&without_old, &token, at(NOW)), Err(TokenError::UnknownKey));
    let same_name = ring_of("k1", &[("k1", OTHER_KEY)]);
    assert_eq!(verify(&same_name, &token, at(NOW)), Err(TokenError::Signature));
}

#[test]
fn headers_never_decide() {
    let good = payload("", "");
    assert_eq!(code(&signed(HEADER, &good)), Ok(()));
    assert_eq!(code(&signed(r#"{"typ":"JWT","alg":"HS256","kid":"k1"}"#, &good)), Ok(()));
    for (header, expected) in [
        (r#"{"alg":"none","kid":"k1"}"#, "TOKEN_ALGORITHM"),
        (r#"{"alg":"None","kid":"k1"}"#, "TOKEN_ALGORITHM"),
        (r#"{"alg":"hs256","kid":"k1"}"#, "TOKEN_ALGORITHM"),
        (r#"{"alg":"HS384","kid":"k1"}"#, "TOKEN_ALGORITHM"),
        (r#"{"alg":"RS256","kid":"k1"}"#, "TOKEN_ALGORITHM"),
        (r#"{"alg":"ES256","kid":"k1"}"#, "TOKEN_ALGORITHM"),
        (r#"{"alg":["HS256"],"kid":"k1"}"#, "TOKEN_HEADER"),
        (r#"{"alg":"HS256"}"#, "TOKEN_HEADER"),
        (r#"{"kid":"k1"}"#, "TOKEN_HEADER"),
        (r#"{"alg":"HS256","kid":1}"#, "TOKEN_HEADER"),
        (r#"{"alg":"HS256","kid":null}"#, "TOKEN_HEADER"),
        (r#"{"alg":"HS256","kid":"k1","kid":"k1"}"#, "TOKEN_HEADER"),
        (r#"{"alg":"HS256","alg":"none","kid":"k1"}"#, "TOKEN_HEADER"),
        (r#"{"alg":"HS256","kid":"k1","typ":"at+jwt"}"#, "TOKEN_HEADER"),
        (r#"{"alg":"HS256","kid":"k1","crit":["exp"]}"#, "TOKEN_HEADER"),
        (r#"{"alg":"HS256","kid":"k1","b64":false}"#, "TOKEN_HEADER"),
        (r#"{"alg":"HS256","kid":"k1","zip":"DEF"}"#, "TOKEN_HEADER"),
        (r#"{"alg":"HS256","kid":"k1","jku":"https://evil.example/keys"}"#, "TOKEN_HEADER"),
        (r#"{"alg":"HS256","kid":"k1","jwk":{"kty":"oct","k":"AA"}}"#, "TOKEN_HEADER"),
        (r#"{"alg":"HS256","kid":"k1","x5u":"https://evil.example/c"}"#, "TOKEN_HEADER"),
        (r#"{"alg":"HS256","kid":"k1","x5c":["AA"]}"#, "TOKEN_HEADER"),
        (r#"{"alg":"HS256","kid":"../../dev/null"}"#, "TOKEN_UNKNOWN_KEY"),
        (r#"{"alg":"HS256","kid":"k1' OR 1=1"}"#, "TOKEN_UNKNOWN_KEY"),
        (r#"{"alg":"HS256","kid":""}"#, "TOKEN_UNKNOWN_KEY"),
        (r#"{"alg":"HS256","kid":"k1"} x"#, "TOKEN_MALFORMED"),
        ("[]", "TOKEN_HEADER"),
        ("", "TOKEN_MALFORMED"),
        ("\u{feff}{}", "TOKEN_MALFORMED"),
    ] {
        assert_eq!(code(&signed(header, &good)), Err(expected), "{header}");
    }
}

/// CVE-2026-25537: a claim of the wrong type must not count as absent.
#[test]
fn claims_of_wrong_type_or_absent_are_refused() {
    for (name, value) in [
        ("exp", ""),
        ("exp", "\"never\""),
        ("exp", "\"1795000060\""),
        ("exp", "1795000060.5"),
        ("exp", "1.795e9"),
        ("exp", "-1"),
        ("exp", "null"),
        ("exp", "true"),
        ("exp", "[1795000060]"),
        ("exp", "18446744073709551615"),
        ("exp", "18446744073709551616"),
        ("exp", "9223372036854775807"),
        ("sub", ""),
        ("sub", "8"),
        ("sub", "\"somebody\""),
        ("tenant", ""),
        ("tenant", "\"acme\""),
        ("tenant", "[\"a\",\"b\"]"),
        ("roles", ""),
        ("roles", "null"),
        ("roles", "\"admin\""),
        ("roles", "[\"admin\"]"),
        ("roles", "[{\"role\":\"admin\",\"variables\":{\"site\":\"a\"}}]"),
        ("roles", "[{\"role\":\"admin\",\"extra\":1}]"),
        ("aud", ""),
        ("aud", "null"),
        ("aud", "[\"freehold-engine\"]"),
        ("aud", "\"freehold-engine\",\"nbf\":0"),
        ("exp", "1795000060,\"exp\":1795000060"),
    ] {
        assert_eq!(code(&signed(HEADER, &payload(name, value))), Err("TOKEN_CLAIMS"), "{name} {value}");
    }
    assert_eq!(code(&signed(HEADER, &payload("aud", "\"freehold-images\""))), Err("TOKEN_AUDIENCE"));
    assert_eq!(code(&signed(HEADER, &payload("aud", "\"\""))), Err("TOKEN_AUDIENCE"));
    assert_eq!(code(&signed(HEADER, &payload("exp", "0"))), Err("TOKEN_EXPIRED"));
    for nothing in ["", "null", "[]", "1", "{}"] {
        assert_eq!(code(&signed(HEADER, nothing)), Err("TOKEN_CLAIMS"), "{nothing}");
    }
}

#[test]
fn a_token_has_one_spelling() {
    let token = signed(HEADER, &payload("", ""));
    let [header, payload, signature]: [&str; 3] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    for other in [
        format!("{token}="),
        format!("{header}=.{payload}.{signature}"),
        format!("{token}."),
        format!(".{token}"),
        format!("{token} "),
        format!(" {token}"),
        format!("Bearer {token}"),
        format!("{header}.{payload}"),
        format!("{header}.{payload}."),
        format!("{header}..{signature}"),
        format!("{header}.{payload}.{signature}.{signature}"),
        header.to_owned(),
        String::new(),
        "..".to_owned(),
    ] {
        assert!(code(&other).is_err(), "{other}");
    }
    // 32 bytes leave two spare bits in the last character.
    let last = signature.chars().last().unwrap();
    let siblings = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=".chars().filter(|c| *c != last);
    for sibling in siblings {
        let other = format!("{}{sibling}", &token[..token.len() - 1]);
        assert!(code(&other).is_err(), "{sibling}");
    }
}

#[test]
fn long_tokens_are_refused_before_they_are_read() {
    assert_eq!(code(&"x".repeat(2 * 1024 * 1024)), Err("TOKEN_TOO_LARGE"));
    assert_eq!(code(&"x".repeat(MAX_BYTES + 1)), Err("TOKEN_TOO_LARGE"));
    assert_eq!(code(&"x".repeat(MAX_BYTES)), Err("TOKEN_MALFORMED"));
}

#[test]
fn other_kinds_of_tokens_of_the_same_ring_are_refused() {
    let operations = crate::image::Operations::Original;
    let url = crate::image::sign(&ring(), claims().tenant, &operations, "1", "a.jpg", at(NOW)).unwrap();
    let token = url.split('/').nth(2).unwrap();
    assert_eq!(code(token), Err("TOKEN_SIGNATURE"));
    // Signed by the ring's key itself instead of the one derived for callers.
    let message = token.rsplit_once('.').unwrap().0;
    let key = hmac::Key::new(hmac::HMAC_SHA256, ring().current().1);
    let forged = format!("{message}.{}", BASE64URL_NOPAD.encode(hmac::sign(&key, message.as_bytes()).as_ref()));
    assert_eq!(code(&forged), Err("TOKEN_SIGNATURE"));
}

proptest! {
    #[test]
    fn no_changed_byte_goes_unnoticed(position in any::<prop::sample::Index>(), byte in 0x20u8..0x7f) {
        let token = mint(&ring(), &claims());
        let mut changed = token.clone().into_bytes();
        let position = position.index(changed.len());
        prop_assume!(changed[position] != byte);
        changed[position] = byte;
        prop_assert!(code(std::str::from_utf8(&changed).unwrap()).is_err());
    }

    #[test]
    fn nonsense_is_refused_and_never_panics(text in "\\PC{0,200}") {
        prop_assert!(code(&text).is_err());
    }

    #[test]
    fn all_claims_survive(role in "\\PC{0,30}", name in "\\PC{0,30}", values in prop::collection::vec("\\PC{0,20}", 0..5), life in 1i64..100_000) {
        let roles = vec![RoleGrant { role, variables: BTreeMap::from([(name, values)]) }];
        let claims = CallerClaims { roles, expires_at: at(NOW + life), ..claims() };
        prop_assert_eq!(verify(&ring(), &mint(&ring(), &claims), at(NOW)), Ok(claims));
    }
}

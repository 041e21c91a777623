//! Passwords of login roles, and what PostgreSQL is told of them.
//!
//! PostgreSQL accepts a ready-made SCRAM-SHA-256 verifier in place of a password (CREATE ROLE, "PASSWORD"), so the password
//! itself never reaches a server's logs. Format and computation: RFC 5802 section 3, RFC 7677; PostgreSQL `src/common/scram-common.c`.

use std::num::NonZeroU32;

use data_encoding::{BASE64, BASE64URL_NOPAD};
use freehold_vault::SecretString;
use ring::digest::{SHA256, digest};
use ring::hmac::{HMAC_SHA256, Key, sign};
use ring::pbkdf2;
use ring::rand::{SecureRandom, SystemRandom};

use crate::ProvisionError;

/// PostgreSQL's own default. The passwords are 256 random bits, so stretching adds nothing.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).expect("4096 is not zero");

/// 256 random bits as 43 letters, digits, dashes and underscores, which SASLprep leaves alone.
pub(crate) fn new_password() -> Result<SecretString, ProvisionError> {
    Ok(SecretString::new(BASE64URL_NOPAD.encode(&random::<32>()?)))
}

/// What to store in place of `password`.
pub(crate) fn verifier(password: &SecretString) -> Result<String, ProvisionError> {
    Ok(verifier_with_salt(password, &random::<16>()?))
}

fn verifier_with_salt(password: &SecretString, salt: &[u8]) -> String {
    let mut salted = [0; 32];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ITERATIONS, salt, password.expose().as_bytes(), &mut salted);
    let key = Key::new(HMAC_SHA256, &salted);
    let stored_key = digest(&SHA256, sign(&key, b"Client Key").as_ref());
    let server_key = sign(&key, b"Server Key");
    format!(
        "SCRAM-SHA-256${ITERATIONS}:{}${}:{}",
        BASE64.encode(salt),
        BASE64.encode(stored_key.as_ref()),
        BASE64.encode(server_key.as_ref())
    )
}

fn random<const N: usize>() -> Result<[u8; N], ProvisionError> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| ProvisionError::Random)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exchange in RFC 7677 section 3: its server signature and client proof follow from our two keys.
    #[test]
    fn the_verifier_agrees_with_the_rfc() {
        let salt = BASE64.decode(b"W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let verifier = verifier_with_salt(&SecretString::new("pencil"), &salt);
        let (head, keys) = verifier.rsplit_once('$').unwrap();
        assert_eq!(head, "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==");
        let (stored_key, server_key) = keys.split_once(':').unwrap();
        let (stored_key, server_key) =
            (BASE64.decode(stored_key.as_bytes()).unwrap(), BASE64.decode(server_key.as_bytes()).unwrap());

        let auth_message = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                            s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let signature = sign(&Key::new(HMAC_SHA256, &server_key), auth_message.as_bytes());
        assert_eq!(BASE64.encode(signature.as_ref()), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");

        let proof = BASE64.decode(b"dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=").unwrap();
        let client_signature = sign(&Key::new(HMAC_SHA256, &stored_key), auth_message.as_bytes());
        let client_key: Vec<u8> = proof.iter().zip(client_signature.as_ref()).map(|(a, b)| a ^ b).collect();
        assert_eq!(digest(&SHA256, &client_key).as_ref(), stored_key);
    }

    #[test]
    fn no_two_passwords_or_verifiers_are_alike() {
        let (a, b) = (new_password().unwrap(), new_password().unwrap());
        assert_ne!(a.expose(), b.expose());
        assert_ne!(verifier(&a).unwrap(), verifier(&a).unwrap());
    }
}

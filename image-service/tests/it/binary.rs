//! The program itself: settings from the environment, logs, SIGTERM.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use freehold_ids::TenantId;

use crate::fixture::{ACCESS_KEY, BUCKET, SECRET_KEY, STORE, photo, send};

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_freehold-images"));
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

fn start() -> Child {
    command()
        .env("FREEHOLD_HTTP__LISTEN", "127.0.0.1:0")
        .env("FREEHOLD_S3__ENDPOINT_URL", STORE.server.endpoint())
        .env("FREEHOLD_S3__BUCKET", BUCKET)
        .env("FREEHOLD_S3__REGION", "us-east-1")
        .env("FREEHOLD_S3__FORCE_PATH_STYLE", "true")
        .env("FREEHOLD_KEYRINGS__IMAGE", &STORE.keyring)
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .spawn()
        .unwrap()
}

#[test]
fn the_program_serves_logs_no_token_and_ends_when_told() {
    let tenant = TenantId::generate();
    STORE.put(tenant, "a.jpg", &photo("acme/harbour.jpg"));
    let mut child = start();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    let port = loop {
        line.clear();
        assert_ne!(log.read_line(&mut line).unwrap(), 0, "the program ended");
        if let Some((_, port)) = line.split_once("listening on http://127.0.0.1:") {
            break port.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap();
        }
    };
    assert_eq!(send(port, "GET", b"/readyz", &[]).status, 200);
    let url = STORE.url(tenant, "w64.webp", "a.jpg");
    assert_eq!(send(port, "GET", url.as_bytes(), &[("x-request-id", "request-of-test")]).status, 200);
    let broken = url.replace("w64", "w65");
    assert_eq!(send(port, "GET", broken.as_bytes(), &[]).status, 403);

    let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(told.success());
    let mut rest = String::new();
    log.read_to_string(&mut rest).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(rest.contains("\"request.id\":\"request-of-test\"") && rest.contains("\"code\":\"TOKEN_PATH\""), "{rest}");
    assert!(rest.contains(&tenant.to_string()) && rest.contains("\"stopped\""), "{rest}");
    assert!(!rest.contains("eyJ") && !rest.contains(SECRET_KEY), "{rest}");
}

#[test]
fn missing_settings_are_named() {
    let output = command().output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(text.contains("FREEHOLD_S3__BUCKET") && text.contains("FREEHOLD_KEYRINGS__IMAGE"), "{text}");

    let file = STORE.dir().join("images.toml");
    std::fs::write(&file, "[s3]\nbucket = \"b\"\nbukket = \"c\"\n").unwrap();
    let output = command().arg("--config").arg(&file).output().unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("bukket"));
}

#[test]
fn a_keyring_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let keyring = STORE.dir().join("open.json");
    std::fs::copy(&STORE.keyring, &keyring).unwrap();
    std::fs::set_permissions(&keyring, std::fs::Permissions::from_mode(0o644)).unwrap();
    let output = command().env("FREEHOLD_S3__BUCKET", BUCKET).env("FREEHOLD_KEYRINGS__IMAGE", &keyring).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && text.contains("chmod 600"), "{text}");
}

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_http_client::{Builder, tls};

use super::*;

fn client(server: &S3Server, secret_key: &str) -> Client {
    let http = Builder::new().tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring)).build_https();
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(server.endpoint())
        .force_path_style(true)
        .credentials_provider(Credentials::new("access", secret_key, None, None, "test"))
        .http_client(http);
    Client::from_conf(config.build())
}

#[tokio::test]
async fn objects_survive_a_restart_and_strangers_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let server = S3Server::start(dir.path(), None, "access", "secret").await.unwrap();
    let friend = client(&server, "secret");
    friend.create_bucket().bucket("media").send().await.unwrap();
    friend.put_object().bucket("media").key("t/photos/é 1.jpg").body(vec![7; 1000].into()).send().await.unwrap();
    let refused = client(&server, "guessed").get_object().bucket("media").key("t/photos/é 1.jpg").send().await.unwrap_err();
    assert_eq!(refused.raw_response().unwrap().status().as_u16(), 403);

    drop(server);
    let server = S3Server::start(dir.path(), None, "access", "secret").await.unwrap();
    let object = client(&server, "secret").get_object().bucket("media").key("t/photos/é 1.jpg").send().await.unwrap();
    assert_eq!(object.body.collect().await.unwrap().into_bytes().as_ref(), [7; 1000]);
}

#[tokio::test]
async fn a_taken_port_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = S3Server::start(dir.path(), Some(port), "access", "secret").await.unwrap_err();
    assert!(error.to_string().contains(&port.to_string()), "{error}");
}

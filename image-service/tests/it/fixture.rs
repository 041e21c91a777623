//! A running service and its object store; a client that sends exactly the bytes it is given.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, mpsc};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_smithy_http_client::{Builder, tls};
use chrono::{DateTime, Utc};
use freehold_devstack::S3Server;
use freehold_ids::TenantId;
use freehold_images::{Application, Config};
use freehold_tokens::{Keyring, image};
use tokio::runtime::Runtime;

pub const BUCKET: &str = "objects";
pub const ACCESS_KEY: &str = "images-test";
pub const SECRET_KEY: &str = "images-test-secret";

/// An S3 server, a bucket and a keyring; services are started on top.
pub struct Store {
    pub runtime: Runtime,
    pub server: S3Server,
    pub keys: Keyring,
    pub keyring: PathBuf,
    dir: tempfile::TempDir,
    client: aws_sdk_s3::Client,
}

/// One for all tests of this process.
pub static STORE: LazyLock<Store> = LazyLock::new(Store::start);
/// One service with default settings.
pub static SERVICE: LazyLock<Service> = LazyLock::new(|| Service::start(|_| {}));

/// A running image service.
pub struct Service {
    pub port: u16,
}

pub fn sdk_config(endpoint: &str, read_timeout: Duration) -> SdkConfig {
    let http = Builder::new().tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring)).build_https();
    let timeouts = aws_config::timeout::TimeoutConfig::builder().read_timeout(read_timeout).build();
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .credentials_provider(Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "test"))
        .region(Region::new("us-east-1"))
        .timeout_config(timeouts)
        .endpoint_url(endpoint);
    STORE_RUNTIME.block_on(loader.load())
}

static STORE_RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap());

impl Store {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let server = runtime.block_on(S3Server::start(&dir.path().join("s3"), None, ACCESS_KEY, SECRET_KEY)).unwrap();
        let s3 = aws_sdk_s3::config::Builder::from(&sdk_config(&server.endpoint(), Duration::from_secs(60)))
            .force_path_style(true)
            .build();
        let client = aws_sdk_s3::Client::from_conf(s3);
        runtime.block_on(client.create_bucket().bucket(BUCKET).send()).unwrap();
        let keyring = dir.path().join("image.json");
        let keys = Keyring::create_file(&keyring).unwrap();
        Self { runtime, server, keys, keyring, dir, client }
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn put(&self, tenant: TenantId, key: &str, bytes: &[u8]) {
        let object_key = format!("{tenant}/{key}");
        let body = aws_sdk_s3::primitives::ByteStream::from(bytes.to_vec());
        // A lying media type: nobody may believe it.
        let put = self.client.put_object().bucket(BUCKET).key(object_key).content_type("text/html").body(body);
        self.runtime.block_on(put.send()).unwrap();
    }

    pub fn delete(&self, tenant: TenantId, key: &str) {
        let delete = self.client.delete_object().bucket(BUCKET).key(format!("{tenant}/{key}"));
        self.runtime.block_on(delete.send()).unwrap();
    }

    pub fn url(&self, tenant: TenantId, operations: &str, key: &str) -> String {
        self.url_at(tenant, operations, key, Utc::now())
    }

    pub fn url_at(&self, tenant: TenantId, operations: &str, key: &str, now: DateTime<Utc>) -> String {
        image::sign(&self.keys, tenant, &operations.parse().unwrap(), "v1", key, now).unwrap()
    }

    pub fn config(&self) -> Config {
        let mut config = Config::default();
        config.http.listen = "127.0.0.1:0".to_owned();
        config.http.workers = 2;
        config.s3.bucket = BUCKET.to_owned();
        config.s3.force_path_style = true;
        config.s3.read_timeout_ms = 2000;
        config.keyrings.image = self.keyring.clone();
        config
    }
}

impl Service {
    pub fn start(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_with(&STORE.server.endpoint(), change)
    }

    pub fn start_with(s3_endpoint: &str, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = STORE.config();
        change(&mut config);
        let sdk = sdk_config(s3_endpoint, config.s3.read_timeout());
        let (sender, receiver) = mpsc::channel();
        // Ends with the test process.
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let application = Application::build_with(config, &sdk).unwrap();
                sender.send(application.port()).unwrap();
                application.run().await.unwrap();
            });
        });
        Self { port: receiver.recv().unwrap() }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[])
    }

    pub fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send("GET", path, headers)
    }

    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        send(self.port, method, path.as_bytes(), headers)
    }

    /// Value of a counter in `/metrics`, 0 when absent.
    pub fn metric(&self, line_start: &str) -> f64 {
        let text = String::from_utf8(self.get("/metrics").body).unwrap();
        let line = text.lines().find(|line| line.starts_with(line_start));
        line.map_or(0.0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

pub fn send(port: u16, method: &str, path: &[u8], headers: &[(&str, &str)]) -> Answer {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut request = [method.as_bytes(), b" ", path, b" HTTP/1.1\r\nhost: images.test\r\nconnection: close\r\n"].concat();
    for (name, value) in headers {
        request.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    request.extend_from_slice(b"\r\n");
    stream.write_all(&request).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap_or(answer.len());
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers =
        lines.map(|line| line.split_once(": ").unwrap()).map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    Answer { status, headers: headers.collect(), body: answer.get(end + 4..).unwrap_or_default().to_vec() }
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The stable code of an error, after checking everything that all errors have in common.
    pub fn code(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.header("cache-control"), "no-store", "{text}");
        assert_eq!(self.header("content-type"), "application/json");
        assert_eq!(self.header("x-content-type-options"), "nosniff");
        assert!(!self.header("x-request-id").is_empty());
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["errors"][0]["code"], self.status, "{text}");
        assert!(!json["errors"][0]["message"].as_str().unwrap().is_empty());
        json["errors"][0]["extensions"]["code"].as_str().unwrap().to_owned()
    }

    pub fn max_age(&self) -> i64 {
        let value = self.header("cache-control");
        let seconds = value.strip_prefix("public, max-age=").and_then(|rest| rest.strip_suffix(", immutable"));
        seconds.unwrap_or_else(|| panic!("{value}")).parse().unwrap()
    }
}

pub fn photo(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/blog/photos").join(name)).unwrap()
}

/// Width and height, by decoders and header readers that are not the service's own code.
pub fn measure(bytes: &[u8]) -> (&'static str, u32, u32) {
    if bytes.starts_with(b"\x89PNG") {
        let reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        return ("png", reader.info().width, reader.info().height);
    }
    if bytes.starts_with(b"RIFF") {
        let image = webp::Decoder::new(bytes).decode().unwrap();
        return ("webp", image.width(), image.height());
    }
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    decoder.decode().unwrap();
    let info = decoder.info().unwrap();
    ("jpeg", info.width.into(), info.height.into())
}

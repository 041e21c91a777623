//! A small server that speaks KMS's protocol (JSON 1.1 over HTTP): a fake at the edge of the world.
//!
//! It enforces what matters here: requests are signed, a ciphertext opens only under its encryption context and its key, and errors have KMS's
//! names and shapes. What it cannot show is that AWS behaves as documented.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use data_encoding::BASE64;
use freehold_vault::DataKey;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

pub const KEY_ID: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd";

/// How the server misbehaves; each entry is used once, before ordinary answers.
#[derive(Clone)]
pub enum Trouble {
    Error(u16, &'static str),
    Hang,
    Garbage,
    ShortKey,
}

#[derive(Clone)]
pub struct KmsServer {
    pub endpoint: String,
    pub state: Arc<State>,
}

pub struct State {
    master: DataKey,
    troubles: Mutex<Vec<Trouble>>,
    contexts: Mutex<Vec<BTreeMap<String, String>>>,
}

impl KmsServer {
    pub async fn start(troubles: Vec<Trouble>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State { master: DataKey::generate(), troubles: Mutex::new(troubles), contexts: Mutex::default() });
        let serving = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&serving)));
            }
        });
        Self { endpoint, state }
    }

    /// Encryption contexts in the order of requests.
    pub fn contexts(&self) -> Vec<BTreeMap<String, String>> {
        self.state.contexts.lock().unwrap().clone()
    }
}

async fn serve(stream: TcpStream, state: Arc<State>) {
    let mut stream = BufReader::new(stream);
    let mut headers = BTreeMap::new();
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    assert_eq!(line.trim_end(), "POST / HTTP/1.1");
    loop {
        line.clear();
        stream.read_line(&mut line).await.unwrap();
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    stream.read_exact(&mut body).await.unwrap();

    let trouble = state.troubles.lock().unwrap().pop();
    let (status, answer) = match trouble {
        Some(Trouble::Hang) => return std::future::pending().await,
        Some(Trouble::Garbage) => (200, "<html>not KMS</html>".to_owned()),
        Some(Trouble::Error(status, name)) => error(status, name),
        Some(Trouble::ShortKey) => (
            200,
            json!({ "KeyId": KEY_ID, "Plaintext": BASE64.encode(&[1; 16]), "CiphertextBlob": BASE64.encode(b"x") }).to_string(),
        ),
        None => answer(&state, &headers, &serde_json::from_slice(&body).unwrap()),
    };
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        answer.len()
    );
    // The client may have given up.
    let _ = stream.write_all((head + &answer).as_bytes()).await;
}

fn error(status: u16, name: &str) -> (u16, String) {
    (status, json!({ "__type": name, "message": "no" }).to_string())
}

fn answer(state: &State, headers: &BTreeMap<String, String>, request: &Value) -> (u16, String) {
    let signed = headers.get("authorization").is_some_and(|text| text.starts_with("AWS4-HMAC-SHA256 Credential=test-key/"));
    if !signed || headers["content-type"] != "application/x-amz-json-1.1" {
        return error(400, "IncompleteSignature");
    }
    let context: BTreeMap<String, String> = serde_json::from_value(request["EncryptionContext"].clone()).unwrap_or_default();
    state.contexts.lock().unwrap().push(context.clone());
    if request["KeyId"] != KEY_ID {
        return error(
            400,
            if headers["x-amz-target"].ends_with("Decrypt") { "IncorrectKeyException" } else { "NotFoundException" },
        );
    }
    let associated = serde_json::to_vec(&context).unwrap();
    match headers["x-amz-target"].as_str() {
        "TrentService.GenerateDataKey" => {
            assert_eq!(request["KeySpec"], "AES_256");
            let plaintext: Vec<u8> = DataKey::generate().seal(b"", b"")[1..33].to_vec();
            let blob = state.master.seal(&plaintext, &associated);
            (
                200,
                json!({ "KeyId": KEY_ID, "Plaintext": BASE64.encode(&plaintext), "CiphertextBlob": BASE64.encode(&blob) })
                    .to_string(),
            )
        }
        "TrentService.Decrypt" => {
            let blob = BASE64.decode(request["CiphertextBlob"].as_str().unwrap().as_bytes()).unwrap();
            match state.master.open(&blob, &associated) {
                Ok(plaintext) => (200, json!({ "KeyId": KEY_ID, "Plaintext": BASE64.encode(plaintext.expose()) }).to_string()),
                Err(_) => error(400, "InvalidCiphertextException"),
            }
        }
        other => panic!("{other} is not expected"),
    }
}

//! An S3-protocol server over a folder: signatures are checked, buckets are folders, objects are files.

use std::net::SocketAddr;
use std::path::Path;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tower_http::cors::Cors;

use crate::error::{DevstackError, io};

/// A running S3 server on 127.0.0.1. It stops when this is dropped.
#[derive(Debug)]
pub struct S3Server {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl S3Server {
    /// Serves `dir` to whoever signs with the given key pair. `port` is a free one unless given. Needs a tokio runtime, whose task it becomes.
    ///
    /// # Errors
    /// When the folder or the port cannot be used.
    pub async fn start(dir: &Path, port: Option<u16>, access_key: &str, secret_key: &str) -> Result<Self, DevstackError> {
        std::fs::create_dir_all(dir).map_err(io("create", dir))?;
        let files = s3s_fs::FileSystem::new(dir)
            .map_err(|error| DevstackError::ObjectStore { dir: dir.to_owned(), message: format!("{error:?}") })?;
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(access_key, secret_key));
        let wanted = SocketAddr::from(([127, 0, 0, 1], port.unwrap_or(0)));
        let listener = TcpListener::bind(wanted).await.map_err(io("listen on", wanted.to_string()))?;
        let address = listener.local_addr().map_err(io("listen on", wanted.to_string()))?;
        let accepting = tokio::spawn(accept(listener, builder.build()));
        Ok(Self { address, accepting })
    }

    /// What the AWS SDK takes as `endpoint_url`; buckets are in the path.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        // Connections belong to the task and end with it.
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, service: S3Service) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, most likely: some will come back.
                tracing::warn!("S3 server cannot accept a connection: {error}");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                continue;
            }
        };
        // Without it every GET takes 45 ms: Nagle's algorithm waits for the delayed acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("S3 connection ended early: {error}");
            continue;
        }
        // Pages of any origin upload to signed URLs. In production a rule of the bucket says which may.
        let service = TowerToHyperService::new(Cors::permissive(service.clone()));
        connections.spawn(async move {
            let served = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
            if let Err(error) = served {
                tracing::debug!("S3 connection ended early: {error}");
            }
        });
    }
}

#[cfg(test)]
mod tests;

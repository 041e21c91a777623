//! Ports: the ones asked for, else those of the last start, else free ones.
//!
//! Bookmarks and pasted `curl` lines go on working as long as nobody takes the ports in between.

use std::net::TcpListener;

use crate::cli::context::Context;
use crate::cli::failure::{Exit, Failure};

/// Ports of the last start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Ports {
    pub(super) postgres: Option<u16>,
    pub(super) objects: Option<u16>,
    pub(super) engine: Option<u16>,
    pub(super) images: Option<u16>,
}

impl Ports {
    pub(super) fn of(context: &Context) -> Self {
        Self {
            postgres: port_of(&context.control_database_url),
            objects: context.s3.as_ref().and_then(|s3| port_of(&s3.endpoint)),
            engine: port_of(&context.engine),
            images: port_of(&context.images),
        }
    }
}

/// The last port if it is still free.
pub(super) fn still_free(last: Option<u16>) -> Option<u16> {
    last.filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
}

/// A port for a service that is about to be started.
pub(super) fn choose(wanted: Option<u16>, last: Option<u16>, variable: &str) -> Result<u16, Failure> {
    if let Some(port) = wanted {
        return still_free(wanted).ok_or_else(|| {
            let failure = Failure::new(Exit::Conflict, "PORT_TAKEN", format!("port {port} is taken by another program"));
            failure.hint(format!("choose another one with {variable}, or leave it out for a free one"))
        });
    }
    if let Some(port) = still_free(last) {
        return Ok(port);
    }
    let listener = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    Ok(listener.map_err(|error| Failure::local("NO_PORT", format!("no free port: {error}")))?.port())
}

fn port_of(url: &str) -> Option<u16> {
    let authority = url.split_once("://")?.1.split('/').next()?;
    authority.rsplit_once(':')?.1.parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_kept_while_they_are_free() {
        let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        assert_ne!(choose(None, Some(port), "X").unwrap(), port);
        assert_eq!(choose(Some(port), None, "X").unwrap_err().code, "PORT_TAKEN");
        drop(taken);
        assert_eq!(choose(None, Some(port), "X").unwrap(), port);
    }

    #[test]
    fn ports_are_found_in_addresses() {
        assert_eq!(port_of("postgres://u:p@127.0.0.1:5433/db"), Some(5433));
        assert_eq!(port_of("http://127.0.0.1:8080"), Some(8080));
        assert_eq!(port_of("http://localhost/"), None);
    }
}

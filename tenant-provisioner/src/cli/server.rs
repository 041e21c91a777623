//! `freehold server …`

use std::path::Path;

use freehold_catalog::Server;
use freehold_provisioner::{AddServer, Finding, Provisioner};
use freehold_vault::SecretString;
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::args::ServerCommand;
use super::context::Context;
use super::doctor::findings_text;
use super::failure::{Exit, Failure};
use super::output::{Output, table};

pub(super) fn run(command: ServerCommand, context: Option<&Path>, runtime: &Handle, output: Output) -> Result<Exit, Failure> {
    let context = Context::find(context)?;
    match command {
        ServerCommand::Add { url, name, max_databases, reserved_connections } => {
            let admin_url = if url == "-" { read_secret_line()? } else { SecretString::new(url) };
            let name = name.map_or_else(|| host_of(admin_url.expose()), Ok)?;
            let new = AddServer { name, admin_url, max_databases, reserved_connections };
            let server = context.provisioner(runtime)?.add_server(&new)?;
            output.answer(&server_json(&server), || {
                format!("server `{}` takes tenants, up to {}", server.name, server.max_databases)
            });
            Ok(Exit::Done)
        }
        ServerCommand::List => list(&context.catalog()?.servers()?, output),
        ServerCommand::Check { name } => check(&context.provisioner(runtime)?, name, output),
    }
}

fn list(servers: &[Server], output: Output) -> Result<Exit, Failure> {
    let answer = json!({ "servers": servers.iter().map(server_json).collect::<Vec<_>>() });
    output.answer(&answer, || {
        if servers.is_empty() {
            return "no servers; `freehold server add URL` makes one known".to_owned();
        }
        let rows: Vec<Vec<String>> = servers
            .iter()
            .map(|server| {
                let address = format!("{}:{}", server.address.host, server.address.port);
                let version = format!("{}.{}", server.server_version / 10_000, server.server_version % 10_000);
                let databases = format!("{} of {}", server.n_databases, server.max_databases);
                vec![server.name.clone(), server.state.to_string(), address, version, databases]
            })
            .collect();
        table(&["NAME", "STATE", "ADDRESS", "POSTGRESQL", "DATABASES"], &rows)
    });
    Ok(Exit::Done)
}

fn check(provisioner: &Provisioner, name: Option<String>, output: Output) -> Result<Exit, Failure> {
    let names = match name {
        Some(name) => vec![name],
        None => provisioner.catalog().servers()?.into_iter().map(|server| server.name).collect(),
    };
    let mut findings: Vec<(String, Vec<Finding>)> = Vec::new();
    for name in names {
        let found = provisioner.check_server(&name)?;
        findings.push((name, found));
    }
    let healthy = findings.iter().all(|(_, findings)| findings.is_empty());
    let servers: Vec<Value> =
        findings.iter().map(|(name, found)| json!({ "name": name, "healthy": found.is_empty(), "findings": found })).collect();
    output.answer(&json!({ "healthy": healthy, "servers": servers }), || {
        let lines =
            findings.iter().map(|(name, found)| if found.is_empty() { format!("{name}: ok\n") } else { findings_text(found) });
        lines.collect()
    });
    Ok(if healthy { Exit::Done } else { Exit::Failed })
}

fn read_secret_line() -> Result<SecretString, Failure> {
    let mut line = String::new();
    std::io::stdin()
        .read_line(&mut line)
        .map_err(|error| Failure::local("STDIN", format!("cannot read the address: {error}")))?;
    Ok(SecretString::new(line.trim()))
}

/// The default name; the rest of the address is secret.
fn host_of(url: &str) -> Result<String, Failure> {
    let authority = url.split_once("://").map(|(_, rest)| rest.split(['/', '?']).next().unwrap_or(rest));
    let host = authority.and_then(|authority| authority.rsplit('@').next()).and_then(|host| host.split(':').next());
    host.filter(|host| !host.is_empty()).map(str::to_owned).ok_or_else(|| {
        Failure::new(Exit::Usage, "SERVER_URL", "the address is not a `postgres://user:password@host:port/database` URL")
    })
}

fn server_json(server: &Server) -> Value {
    json!({
        "name": server.name,
        "server_id": server.id,
        "state": server.state,
        "host": server.address.host,
        "port": server.address.port,
        "server_version": server.server_version,
        "databases": server.n_databases,
        "max_databases": server.max_databases,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_after_its_host_and_never_after_its_password() {
        for url in [
            "postgres://u:hunter2@db.example:5432/x",
            "postgres://db.example",
            "postgresql://u:a%40b@db.example/x?sslmode=require",
        ] {
            assert_eq!(host_of(url).ok().as_deref(), Some("db.example"), "{url}");
        }
        for wrong in ["hunter2", "postgres://", "postgres://u:hunter2@"] {
            let failure = host_of(wrong).err();
            assert!(
                failure.is_some_and(|failure| failure.exit == Exit::Usage && !failure.message.contains("hunter2")),
                "{wrong}"
            );
        }
    }
}

//! Which installation a command works on: `dev.json` of `freehold dev`, or a file of the same form written by an operator.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use freehold_catalog::{Catalog, Tenant};
use freehold_ids::Slug;
use freehold_provisioner::Provisioner;
use freehold_tokens::Keyring;
use freehold_vault::{KeyWrapper, VaultConfig};
use nix::unistd::{User, getuid};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;

use super::failure::{Exit, Failure};

/// Looked for in the working directory and upwards.
const DISCOVERED: &str = ".freehold/dev.json";

/// An installation. `dev.json` has this form; programs read it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Context {
    /// Base URL of the engine.
    pub(crate) engine: String,
    /// Base URL of the image service.
    pub(crate) images: String,
    /// Address of the control database, with password.
    pub(crate) control_database_url: String,
    /// Where objects are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) s3: Option<S3>,
    /// Keeper of the master key.
    pub(crate) vault: Vault,
    /// Files with signing keys.
    pub(crate) keyrings: Keyrings,
    /// The tenants that `freehold dev` made, ready to try.
    #[serde(default)]
    pub(crate) tenants: Vec<TenantEntry>,
}

/// An S3 bucket and how to sign for it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct S3 {
    pub(crate) endpoint: String,
    pub(crate) bucket: String,
    pub(crate) region: String,
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
}

/// One of the two keepers of the master key.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Vault {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) master_key_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kms_key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kms_region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kms_endpoint_url: Option<String>,
}

/// Files with signing keys.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Keyrings {
    pub(crate) caller: PathBuf,
    pub(crate) image: PathBuf,
}

/// A tenant, ready to try.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct TenantEntry {
    pub(crate) slug: Slug,
    pub(crate) tenant_id: String,
    pub(crate) content_url: String,
    pub(crate) token: String,
    pub(crate) image_url: String,
}

impl Context {
    /// The named file, or the nearest one upwards.
    pub(crate) fn find(explicit: Option<&Path>) -> Result<Self, Failure> {
        match explicit {
            Some(path) => Self::read(path),
            None => Self::read(&discover()?),
        }
    }

    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Failure::new(
                Exit::NotFound,
                "CONTEXT_UNREADABLE",
                format!("cannot read the context file `{}`: {error}", path.display()),
            )
            .hint("give the path of a dev.json with --context or FREEHOLD_CONTEXT")
        })?;
        // The parser's message may quote a value of the file, which holds passwords.
        let mut context: Self = serde_json::from_str(&text).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            Failure::local("CONTEXT_INVALID", format!("the context file `{}` is not as expected at {place}", path.display()))
                .hint("`freehold dev` writes one to compare it with")
        })?;
        let dir = path.parent().unwrap_or(Path::new("."));
        context.keyrings.caller = dir.join(&context.keyrings.caller);
        context.keyrings.image = dir.join(&context.keyrings.image);
        context.vault.master_key_file = context.vault.master_key_file.map(|file| dir.join(file));
        Ok(context)
    }

    /// GraphQL endpoint of a tenant.
    pub(crate) fn content_url(&self, slug: &Slug) -> String {
        format!("{}/content/{slug}", self.engine.trim_end_matches('/'))
    }

    pub(crate) fn catalog(&self) -> Result<Catalog, Failure> {
        // Two: a saga renews its lease while a step works.
        Ok(Catalog::connect(&self.control_database_url, 2)?)
    }

    pub(crate) fn vault(&self, runtime: &Handle) -> Result<Arc<dyn KeyWrapper>, Failure> {
        let config = VaultConfig {
            master_key_file: self.vault.master_key_file.clone(),
            kms_key_id: self.vault.kms_key_id.clone(),
            kms_region: self.vault.kms_region.clone(),
            kms_endpoint_url: self.vault.kms_endpoint_url.clone(),
        };
        Ok(runtime.block_on(freehold_vault::open(&config))?)
    }

    pub(crate) fn provisioner(&self, runtime: &Handle) -> Result<Provisioner, Failure> {
        Ok(Provisioner::new(self.catalog()?, self.vault(runtime)?, &actor())?)
    }

    pub(crate) fn caller_keys(&self) -> Result<Keyring, Failure> {
        Ok(Keyring::load(&self.keyrings.caller)?)
    }
}

/// Who the audit log says it was: the user of the operating system.
fn actor() -> String {
    let uid = getuid();
    User::from_uid(uid).ok().flatten().map_or_else(|| format!("uid {uid}"), |user| user.name)
}

/// The tenant of that name, or what to do about there being none.
pub(crate) fn tenant_named(catalog: &Catalog, slug: &Slug) -> Result<Tenant, Failure> {
    catalog.tenant_named(slug)?.ok_or_else(|| {
        Failure::new(Exit::NotFound, "NO_TENANT", format!("there is no tenant `{slug}`"))
            .hint("`freehold tenant list` shows the tenants")
    })
}

fn discover() -> Result<PathBuf, Failure> {
    // Whoever told `freehold dev` where to be means that installation with the other commands, too.
    #[allow(clippy::disallowed_methods, reason = "an argument's variable, of another command")]
    if let Some(dir) = std::env::var_os("FREEHOLD_DEV_DIR") {
        let file = Path::new(&dir).join("dev.json");
        if file.is_file() {
            return Ok(file);
        }
    }
    let here = std::env::current_dir()
        .map_err(|error| Failure::local("WORKING_DIRECTORY", format!("cannot tell where we are: {error}")))?;
    let found = here.ancestors().map(|dir| dir.join(DISCOVERED)).find(|path| path.is_file());
    found.ok_or_else(|| {
        Failure::new(Exit::NotFound, "NO_CONTEXT", format!("no installation found: there is no `{DISCOVERED}` here or above"))
            .hint("`freehold dev` starts one; --context FILE or FREEHOLD_CONTEXT names another")
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const MINIMAL: &str = r#"{
        "engine": "http://127.0.0.1:1/", "images": "http://127.0.0.1:2", "control_database_url": "postgres://u:hunter2@h/c",
        "vault": { "master_key_file": "keys/master.key" }, "keyrings": { "caller": "keys/caller.json", "image": "/abs/image.json" }
    }"#;

    #[test]
    fn paths_are_relative_to_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("dev.json");
        std::fs::write(&path, MINIMAL).unwrap();
        let context = Context::read(&path).unwrap();
        assert_eq!(context.keyrings.caller, dir.path().join("keys/caller.json"));
        assert_eq!(context.keyrings.image, Path::new("/abs/image.json"));
        assert_eq!(context.vault.master_key_file, Some(dir.path().join("keys/master.key")));
        assert_eq!(context.content_url(&"acme".parse().unwrap()), "http://127.0.0.1:1/content/acme");
    }

    #[test]
    fn a_broken_file_is_reported_without_its_secrets() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("dev.json");
        std::fs::write(&path, MINIMAL.replace("\"images\": \"http://127.0.0.1:2\"", "\"images\": 7")).unwrap();
        let failure = Context::read(&path).err().unwrap();
        assert_eq!((failure.code, failure.exit), ("CONTEXT_INVALID", Exit::Failed));
        assert!(!failure.message.contains("hunter2"));
        let missing = Context::read(&dir.path().join("none.json")).err().unwrap();
        assert_eq!((missing.code, missing.exit), ("CONTEXT_UNREADABLE", Exit::NotFound));
    }
}

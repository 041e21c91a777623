//! The example that fills a new installation: `examples/blog` of the source tree.

use std::path::{Path, PathBuf};

use crate::cli::failure::{Exit, Failure};

/// The tenants of a new installation.
pub(super) const TENANTS: [&str; 2] = ["acme", "globex"];

/// The example's folder.
#[derive(Debug, Clone)]
pub(super) struct Example {
    dir: PathBuf,
}

impl Example {
    /// In the working directory or above it, else above this program: `target/release/freehold` is inside the source tree.
    pub(super) fn find() -> Result<Self, Failure> {
        let here = std::env::current_dir().ok();
        let program = std::env::current_exe().ok();
        let places = here.iter().chain(program.iter()).flat_map(|place| place.ancestors());
        let dir = places.map(|place| place.join("examples/blog")).find(|dir| dir.join("schema.graphql").is_file());
        dir.map(|dir| Self { dir }).ok_or_else(|| {
            Failure::new(Exit::NotFound, "NO_EXAMPLE", "`examples/blog` is neither here nor above")
                .hint("run `freehold dev` inside a clone of the Freehold repository")
        })
    }

    /// Where `make graphiql` puts its bundle.
    pub(super) fn graphiql(&self) -> PathBuf {
        self.dir.join("../../engine/graphiql/dist")
    }

    pub(super) fn schema(&self) -> PathBuf {
        self.dir.join("schema.graphql")
    }

    pub(super) fn seed(&self, slug: &str) -> PathBuf {
        self.dir.join("seed").join(slug).with_extension("sql")
    }

    /// A tenant's photographs with their object keys and media types, by key.
    pub(super) fn photographs(&self, slug: &str) -> Result<Vec<Photograph>, Failure> {
        let dir = self.dir.join("photos").join(slug);
        let entries = std::fs::read_dir(&dir).map_err(|error| super::home::failed("list", &dir, &error))?;
        let mut photographs: Vec<Photograph> = entries.flatten().filter_map(|entry| Photograph::of(&entry.path())).collect();
        photographs.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(photographs)
    }
}

/// A file and the object it becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Photograph {
    pub(super) file: PathBuf,
    /// Below the tenant's prefix.
    pub(super) key: String,
    pub(super) media_type: &'static str,
}

impl Photograph {
    fn of(file: &Path) -> Option<Self> {
        let media_type = match file.extension()?.to_str()? {
            "jpg" | "jpeg" => "image/jpeg",
            "png" => "image/png",
            "webp" => "image/webp",
            _ => return None,
        };
        Some(Self { file: file.to_owned(), key: format!("photos/{}", file.file_name()?.to_str()?), media_type })
    }
}

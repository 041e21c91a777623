//! Finding the programs that end-to-end tests start: cargo tells only a package's own tests where its binaries are.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The folder of the profile that the running test or benchmark was built with, holding `freehold`, `freehold-engine` and `freehold-images`.
///
/// For a test they are built first if they are missing or older than their sources; that costs a fraction of a second when they are fresh. A program,
/// such as the benchmark, lies beside the others and was built with them by `make bench`.
pub fn directory() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let executable = std::env::current_exe().expect("a process knows its executable");
        let directory = executable.parent().expect("an executable lies in a folder");
        // Tests lie in target/<profile>/deps, programs in target/<profile>.
        if !directory.ends_with("deps") {
            return directory.to_owned();
        }
        let directory = directory.parent().expect("deps lies in a profile");
        build(directory.ends_with("release"));
        directory.to_owned()
    })
}

fn build(release: bool) {
    // The whole workspace, as `cargo test --workspace` builds it: a part of it would be compiled again with other features.
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--locked", "--workspace", "--bins"]).current_dir(repository());
    if release {
        build.arg("--release");
    }
    let output = build.output().expect("cargo starts");
    assert!(output.status.success(), "the programs do not build:\n{}", String::from_utf8_lossy(&output.stderr));
}

/// The folder of the repository's root.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests package lies in the repository")
}

//! What end-to-end tests and the benchmark share: the real binaries and an installation of their own.

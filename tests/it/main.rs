//! Integration tests: what must hold across crates, tried on the real binaries and real servers. One binary, so that it links once.

mod tidy;

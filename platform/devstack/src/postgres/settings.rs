//! `postgresql.conf` and `pg_hba.conf` of a private cluster, written whole.

use std::path::Path;

use super::Durability;
use crate::error::{DevstackError, io};

/// Enough for the control plane, a connection budget of fifty, tests in parallel and somebody with psql.
const MAX_CONNECTIONS: u32 = 300;

/// The server's settings; written at every start, because the port may have changed.
pub(super) fn write(data: &Path, port: u16, durability: Durability) -> Result<(), DevstackError> {
    let durability = match durability {
        Durability::Safe => "",
        // A restart of an unclean cluster may lose everything: for tests, whose data lives for minutes.
        Durability::Fast => {
            "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\nwal_level = minimal\nmax_wal_senders = 0\ncheckpoint_timeout = 1h\n"
        }
    };
    let text = format!(
        "# Written at every start; changes are lost.\n\
         listen_addresses = '127.0.0.1'\n\
         port = {port}\n\
         unix_socket_directories = ''\n\
         max_connections = {MAX_CONNECTIONS}\n\
         password_encryption = 'scram-sha-256'\n\
         shared_buffers = 128MB\n\
         jit = off\n\
         timezone = 'UTC'\n\
         log_timezone = 'UTC'\n\
         lc_messages = 'C'\n\
         log_line_prefix = '%m [%p] %d '\n\
         {durability}"
    );
    let path = data.join("postgresql.conf");
    std::fs::write(&path, text).map_err(io("write", path))
}

/// Every role needs its password; there is no way in without one.
pub(super) fn write_authentication(data: &Path) -> Result<(), DevstackError> {
    let path = data.join("pg_hba.conf");
    std::fs::write(&path, "host all all 127.0.0.1/32 scram-sha-256\n").map_err(io("write", path))
}

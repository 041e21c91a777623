//! The engine over HTTP, on a real PostgreSQL.

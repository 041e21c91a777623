//! Two organisations on one server: what each one's roles may reach, as PostgreSQL itself sees it.

use freehold_tests::shared;

#[test]
fn no_tenants_role_enters_another_database() {
    let mut postgres = shared().database("postgres").unwrap();
    // Every login and group of a tenant, against every database that takes connections. A tenant's roles are named after its database.
    let entered = postgres
        .texts(
            r"SELECT r.rolname || ' may enter ' || d.datname AS value FROM pg_roles r, pg_database d
              WHERE r.rolname LIKE 't\_%' AND d.datallowconn AND r.rolname NOT LIKE d.datname || '%' AND has_database_privilege(r.oid, d.oid, 'CONNECT')",
        )
        .unwrap();
    assert_eq!(entered, Vec::<String>::new());
    let own = postgres
        .texts(
            r"SELECT r.rolname::text AS value FROM pg_roles r JOIN pg_database d ON r.rolname = d.datname || '_a'
              WHERE r.rolcanlogin AND has_database_privilege(r.oid, d.oid, 'CONNECT')",
        )
        .unwrap();
    assert!(own.len() >= 2, "the tenants' own logins were not found, so the test above proves nothing: {own:?}");
}

#[test]
fn tenants_logins_have_no_power_beyond_their_rows() {
    let mut postgres = shared().database("postgres").unwrap();
    let powerful = postgres
        .texts(r"SELECT rolname::text AS value FROM pg_roles WHERE rolname LIKE 't\_%' AND (rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls)")
        .unwrap();
    assert_eq!(powerful, Vec::<String>::new());
    let owners_that_log_in = postgres
        .texts(r"SELECT r.rolname::text AS value FROM pg_roles r JOIN pg_database d ON d.datdba = r.oid WHERE d.datname LIKE 't\_%' AND r.rolcanlogin")
        .unwrap();
    assert_eq!(owners_that_log_in, Vec::<String>::new());
}

#[test]
fn a_tenants_database_is_closed_to_the_public() {
    let mut postgres = shared().database("postgres").unwrap();
    let open = postgres
        .texts(
            r"SELECT datname || ' grants ' || privilege_type AS value FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba)))
              WHERE grantee = 0 AND (datname LIKE 't\_%' OR datname IN ('postgres', 'template1'))",
        )
        .unwrap();
    assert_eq!(open, Vec::<String>::new());
}

/// The control plane names tenants and their places, and nobody's articles.
#[test]
fn the_control_plane_holds_no_content() {
    let control = shared().dev.control_database_url.rsplit('/').next().unwrap().split('?').next().unwrap().to_owned();
    let mut control = shared().database(&control).unwrap();
    let tables = control.texts("SELECT format('%I.%I', schemaname, tablename) AS value FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')").unwrap();
    assert!(tables.len() > 3, "{tables:?}");
    for table in tables {
        let rows = control.texts(&format!("SELECT t::text AS value FROM {table} t")).unwrap();
        for secret in ["Evening in the harbour", "marit@acme.example", "Seven ridges"] {
            assert!(!rows.iter().any(|row| row.contains(secret)), "`{secret}` stands in {table}");
        }
    }
}

/// Passwords and data keys are in the catalogue sealed; the one thing that opens them is not there.
#[test]
fn no_secret_lies_about_in_logs_or_on_the_command_line() {
    let installation = shared();
    let token = installation.token("acme", "admin").unwrap();
    let master = std::fs::read_to_string(installation.path().join("keys/master.key")).unwrap();
    let mut looked_at = 0;
    for entry in std::fs::read_dir(installation.path().join("logs")).unwrap() {
        let path = entry.unwrap().path();
        let log = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        looked_at += log.len();
        for secret in [master.trim(), token.as_str(), shared().tenant("acme").token.as_str()] {
            assert!(!log.contains(secret), "{} holds a secret", path.display());
        }
    }
    assert!(looked_at > 0, "there were no logs to look at");
    for program in ["freehold-engine", "freehold-images"] {
        for pid in installation.processes(program) {
            let arguments = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
            assert!(!arguments.contains("postgres://"), "{program} has a connection string among its arguments");
        }
    }
}

//! The content API's own headers (content API, section 14.3), each under both of its names.

mod debug;
mod identity;
mod membership;
mod reference;

use diesel::sql_types::Text;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl};
use freehold_devstack::test_cluster;

use crate::running::Engine;
use crate::world::MadeTenant;

/// What a header's name begins with.
const BRANDS: [&str; 2] = ["x-freehold-", "X-Contember-"];

#[derive(QueryableByName)]
struct One {
    #[diesel(sql_type = Text)]
    value: String,
}

/// An administrator's connection to a tenant's database.
fn connect(engine: &Engine, tenant: &MadeTenant) -> PgConnection {
    PgConnection::establish(&engine.world.cluster.url(&tenant.database)).unwrap()
}

/// Rows of a query with one text column named `value`.
fn texts(connection: &mut PgConnection, query: &str) -> Vec<String> {
    diesel::sql_query(query).load::<One>(connection).unwrap().into_iter().map(|row| row.value).collect()
}

#[test]
fn pages_of_other_sites_may_use_them() {
    let engine = Engine::start(test_cluster());
    let headers = [("origin", "https://app.example"), ("access-control-request-method", "POST")];
    let preflight = engine.send("OPTIONS", "/content/acme", &headers, ());
    let refused = engine.send("POST", "/content/acme", &headers[..1], "{}".to_owned());
    let list = |header: Option<&str>| header.unwrap().split(", ").map(str::to_owned).collect::<Vec<_>>();
    let allowed = list(preflight.header("access-control-allow-headers"));
    let exposed = list(refused.header("access-control-expose-headers"));
    for brand in BRANDS.map(str::to_lowercase) {
        for name in ["assume-membership", "assume-identity", "ref", "debug", "force-ok"] {
            assert!(allowed.contains(&format!("{brand}{name}")), "{brand}{name} in {allowed:?}");
        }
        for name in ["ref", "original-status"] {
            assert!(exposed.contains(&format!("{brand}{name}")), "{brand}{name} in {exposed:?}");
        }
    }
    assert!(exposed.contains(&"server-timing".to_owned()));
}

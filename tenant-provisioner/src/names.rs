//! Names and markers of what belongs to a tenant on its server.

use std::fmt;

use freehold_ids::{OperationId, TenantId};
use freehold_schema::ident::Ident;

/// Where the content is.
pub(crate) const CONTENT: &str = "content";

/// Names of a tenant's database and roles: opaque, because every role of a cluster can read them (ARCHITECTURE D1).
#[derive(Debug, Clone)]
pub(crate) struct Names {
    pub database: Ident,
    /// Owns the database and everything in it; nobody logs in as it.
    pub owner: Ident,
    /// What the login slots may do.
    pub group: Ident,
    pub login_a: Ident,
    pub login_b: Ident,
    /// Exists while a change of the content schema or a seed runs; a member of the owner.
    pub migrator: Ident,
}

impl Names {
    pub fn of(tenant: TenantId) -> Self {
        let name = tenant.database();
        let ident =
            |suffix: &str| Ident::new(&format!("{name}{suffix}")).expect("28 characters and a short suffix are below 63 bytes");
        Self {
            database: ident(""),
            owner: ident(""),
            group: ident("_rw"),
            login_a: ident("_a"),
            login_b: ident("_b"),
            migrator: ident("_m"),
        }
    }

    /// Every role, members before the roles they are members of: the order of dropping.
    pub fn roles(&self) -> [&Ident; 5] {
        [&self.migrator, &self.login_a, &self.login_b, &self.group, &self.owner]
    }
}

/// The tenant that a database or role is named after, ours or a look-alike: only a marker proves.
pub(crate) fn tenant_of_name(name: &str) -> Option<TenantId> {
    let id = name.strip_prefix("t_")?;
    id.split('_').next()?.parse().ok()
}

/// The comment on every object we make: who made it, for whom. Only what carries the right one is ever dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marker {
    pub operation: OperationId,
    pub tenant: TenantId,
}

impl Marker {
    pub fn parse(comment: &str) -> Option<Self> {
        let (operation, tenant) = comment.strip_prefix("freehold:")?.split_once(':')?;
        Some(Self { operation: operation.parse().ok()?, tenant: tenant.parse().ok()? })
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "freehold:{}:{}", self.operation, self.tenant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_round_trip_and_nothing_else_is_one() {
        let marker = Marker { operation: OperationId::generate(), tenant: TenantId::generate() };
        assert_eq!(Marker::parse(&marker.to_string()), Some(marker));
        for other in ["", "freehold:", "freehold:template:0123456789ab", "our own: database", &format!("{marker}x")] {
            assert_eq!(Marker::parse(other), None, "{other}");
        }
    }

    #[test]
    fn names_lead_back_to_their_tenant() {
        let tenant = TenantId::generate();
        for role in Names::of(tenant).roles() {
            assert_eq!(tenant_of_name(role.as_str()), Some(tenant));
        }
        assert_eq!(tenant_of_name("t_shirts"), None);
        assert_eq!(tenant_of_name("postgres"), None);
    }
}

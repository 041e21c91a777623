//! Looking for what is left over, missing or open: on every server, and in the catalogue itself. Reads only.

use chrono::Utc;
use diesel::RunQueryDsl;
use diesel::sql_types::{Bool, Integer, Nullable, Text};
use freehold_catalog::{CatalogError, Operation, OperationState, Server, ServerState, Tenant, TenantState};
use freehold_ids::TenantId;
use serde::Serialize;

use crate::error::server;
use crate::names::{Marker, Names, tenant_of_name};
use crate::postgres::Session;
use crate::saga::chain;
use crate::server::COMMON_DATABASES;
use crate::{ProvisionError, Provisioner, databases, harden, template};

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable name for programs.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What it is about: a tenant's slug, a server's name, an operation's id.
    pub subject: String,
    /// What was found.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Untidy.
    Warning,
    /// Somebody is affected, or could be.
    Error,
}

#[derive(diesel::QueryableByName)]
struct DatabaseRow {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Text>)]
    comment: Option<String>,
    #[diesel(sql_type = Integer)]
    connection_limit: i32,
    #[diesel(sql_type = Bool)]
    open_to_public: bool,
}

#[derive(diesel::QueryableByName)]
struct RoleRow {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Text>)]
    comment: Option<String>,
    #[diesel(sql_type = Bool)]
    can_login: bool,
}

impl Provisioner {
    /// Everything that is left over, missing or open.
    ///
    /// # Errors
    /// [`ProvisionError::Catalog`] when the control database fails. A server that cannot be reached is a finding.
    pub fn doctor(&self) -> Result<Vec<Finding>, ProvisionError> {
        let tenants = self.catalog().tenants(true)?;
        let operations = self.catalog().live_operations()?;
        let mut findings: Vec<Finding> = operations.iter().filter_map(abandoned).collect();
        for server in self.catalog().servers()? {
            if server.state != ServerState::Retired {
                findings.extend(check_server(self, &server, &tenants, &operations)?);
            }
        }
        match self.catalog().verify_audit_log() {
            Ok(_) => {}
            Err(error @ CatalogError::AuditBroken { .. }) => {
                let hint = "compare with a backup of the control database: somebody edited the log";
                findings.push(finding("AUDIT_BROKEN", Severity::Error, "audit log", error.to_string(), hint));
            }
            Err(error) => return Err(error.into()),
        }
        Ok(findings)
    }
}

fn finding(code: &'static str, severity: Severity, subject: impl ToString, message: String, hint: impl ToString) -> Finding {
    Finding { code, severity, subject: subject.to_string(), message, hint: hint.to_string() }
}

fn abandoned(operation: &Operation) -> Option<Finding> {
    let what = format!("{} of `{}`", operation.kind, operation.subject);
    let again = match operation.kind {
        freehold_catalog::OperationKind::Provision => "run `freehold tenant create` again to finish it, with `--undo` to undo it",
        freehold_catalog::OperationKind::Deprovision => "run `freehold tenant delete` again to finish it",
    };
    if operation.state == OperationState::Stuck {
        let why = operation.error_message.as_deref().unwrap_or("no reason recorded");
        let message = format!("operation `{}` ({what}) is stuck: {why}", operation.id);
        return Some(finding("OPERATION_STUCK", Severity::Error, operation.id, message, again));
    }
    let running = operation.lease_until.is_some_and(|until| until > Utc::now());
    let message = format!("operation `{}` ({what}) was abandoned by its process", operation.id);
    (!running).then(|| finding("OPERATION_ABANDONED", Severity::Warning, operation.id, message, again))
}

/// What is wrong with one server and the tenants on it.
pub(crate) fn check_server(
    provisioner: &Provisioner,
    server: &Server,
    tenants: &[Tenant],
    operations: &[Operation],
) -> Result<Vec<Finding>, ProvisionError> {
    let mut admin = match provisioner.admin_address(server).and_then(|address| address.connect()) {
        Ok(admin) => admin,
        Err(error) => {
            let hint = "start it, or set its address with `freehold server add` under the same name";
            return Ok(vec![finding("SERVER_UNREACHABLE", Severity::Error, &server.name, chain(&error), hint)]);
        }
    };
    let mut findings = Vec::new();
    let databases = list_databases(&mut admin)?;
    let roles = list_roles(&mut admin)?;
    check_baseline(server, &databases, &mut findings);
    check_leftovers(server, &databases, &roles, tenants, operations, &mut findings);
    for tenant in
        tenants.iter().filter(|tenant| tenant.placement.as_ref().is_some_and(|placement| placement.server_id == server.id))
    {
        if matches!(tenant.state, TenantState::Active | TenantState::Suspended) {
            check_tenant(provisioner, &mut admin, tenant, &roles, &mut findings)?;
        }
    }
    Ok(findings)
}

fn check_baseline(server: &Server, databases: &[DatabaseRow], findings: &mut Vec<Finding>) {
    let (template, complete) = template::name();
    let prepare = format!("run `freehold server add {}` again: it prepares the server", server.name);
    if !databases.iter().any(|d| d.name == template.as_str() && d.comment.as_deref() == Some(&complete)) {
        let message = format!("the template database {template} is missing or unfinished");
        findings.push(finding("NO_TEMPLATE", Severity::Warning, &server.name, message, &prepare));
    }
    for database in databases.iter().filter(|database| database.open_to_public) {
        let is_common = COMMON_DATABASES.contains(&database.name.as_str());
        let message = format!("every role of the server, tenants' logins among them, may enter database `{}`", database.name);
        let (severity, hint) = if is_common {
            (Severity::Error, prepare.clone())
        } else {
            (Severity::Warning, "revoke it: REVOKE CONNECT ON DATABASE … FROM PUBLIC".to_owned())
        };
        // template0 accepts no connections; a tenant's own database is looked at with its tenant.
        if database.name != "template0" && tenant_of_name(&database.name).is_none() {
            findings.push(finding("OPEN_DATABASE", severity, &server.name, message, hint));
        }
    }
}

fn check_leftovers(
    server: &Server,
    databases: &[DatabaseRow],
    roles: &[RoleRow],
    tenants: &[Tenant],
    operations: &[Operation],
    findings: &mut Vec<Finding>,
) {
    let lives_here = |id: TenantId| {
        tenants.iter().any(|tenant| {
            tenant.id == id
                && tenant.state != TenantState::Erased
                && tenant.placement.as_ref().is_some_and(|placement| placement.server_id == server.id)
        })
    };
    let is_changing = |id: TenantId| operations.iter().any(|operation| operation.tenant_id == id);
    let tenant_of = |name: &str, comment: Option<&str>| match comment.and_then(Marker::parse) {
        Some(marker) => Some(marker.tenant),
        None => tenant_of_name(name),
    };
    for database in databases {
        if database.connection_limit == -2 {
            let message = format!("an interrupted DROP left database `{}` invalid", database.name);
            let hint = format!("DROP DATABASE \"{}\"", database.name);
            findings.push(finding("INVALID_DATABASE", Severity::Error, &server.name, message, hint));
        } else if let Some(id) = tenant_of(&database.name, database.comment.as_deref()).filter(|id| !lives_here(*id)) {
            let message = format!("database `{}` belongs to tenant `{id}`, which does not live here", database.name);
            let hint = format!("when nobody needs it: DROP DATABASE \"{}\" WITH (FORCE)", database.name);
            findings.push(finding("ORPHAN_DATABASE", Severity::Warning, &server.name, message, hint));
        }
    }
    for role in roles {
        let Some(id) = tenant_of(&role.name, role.comment.as_deref()) else { continue };
        if !lives_here(id) {
            let message = format!("role `{}` belongs to tenant `{id}`, which does not live here", role.name);
            let hint = format!("when nobody needs it: DROP ROLE \"{}\"", role.name);
            findings.push(finding("ORPHAN_ROLE", Severity::Warning, &server.name, message, hint));
        } else if Names::of(id).migrator.as_str() == role.name && !is_changing(id) {
            let message = format!("role `{}`, which may change the content schema, was left behind", role.name);
            let hint = format!("DROP ROLE \"{}\"", role.name);
            findings.push(finding("STALE_MIGRATOR", Severity::Error, &server.name, message, hint));
        }
    }
}

fn check_tenant(
    provisioner: &Provisioner,
    admin: &mut Session,
    tenant: &Tenant,
    roles: &[RoleRow],
    findings: &mut Vec<Finding>,
) -> Result<(), ProvisionError> {
    let names = Names::of(tenant.id);
    let slug = &tenant.slug;
    if databases::find(admin, names.database.as_str())?.is_none() {
        let message = format!("the database {} of the tenant is missing", names.database);
        findings.push(finding("NO_DATABASE", Severity::Error, slug, message, "restore it from a backup, or delete the tenant"));
        return Ok(());
    }
    for deviation in harden::deviations(admin, &names, provisioner.catalog().limits(tenant.id)?)? {
        let hint = "somebody changed it by hand: set it back";
        findings.push(finding("TENANT_DEVIATES", Severity::Error, slug, deviation.to_string(), hint));
    }
    for role in [&names.owner, &names.group, &names.login_a] {
        if !roles.iter().any(|found| found.name == role.as_str()) {
            findings.push(finding(
                "NO_ROLE",
                Severity::Error,
                slug,
                format!("the role {role} is missing"),
                "restore it from a backup",
            ));
        }
    }
    let login = roles.iter().find(|role| role.name == names.login_a.as_str());
    let should_login = tenant.state == TenantState::Active;
    if login.is_some_and(|login| login.can_login != should_login) {
        let message =
            format!("the tenant is {}, but its login is {}", tenant.state, if should_login { "locked" } else { "open" });
        let command = if should_login { "resume" } else { "suspend" };
        findings.push(finding(
            "LOGIN_DEVIATES",
            Severity::Error,
            slug,
            message,
            format!("run `freehold tenant {command} {slug}`"),
        ));
    }
    Ok(())
}

fn list_databases(admin: &mut Session) -> Result<Vec<DatabaseRow>, ProvisionError> {
    let query = diesel::sql_query(
        "SELECT datname::text AS name, shobj_description(oid, 'pg_database') AS comment, datconnlimit AS connection_limit,
                EXISTS (SELECT FROM aclexplode(coalesce(datacl, acldefault('d', datdba))) a WHERE a.grantee = 0) AS open_to_public
         FROM pg_database ORDER BY datname",
    );
    query.load(admin.conn()).map_err(server("listing databases"))
}

fn list_roles(admin: &mut Session) -> Result<Vec<RoleRow>, ProvisionError> {
    let query = diesel::sql_query(
        "SELECT rolname::text AS name, shobj_description(oid, 'pg_authid') AS comment, rolcanlogin AS can_login
         FROM pg_roles ORDER BY rolname",
    );
    query.load(admin.conn()).map_err(server("listing roles"))
}

//! Deleting a tenant: fence, drop the database, drop the roles, destroy the key, leave a tombstone. There is no way back from the
//! first step on; a run that fails is stuck until somebody repairs the cause and runs it again.

use freehold_catalog::{NewOperation, OperationKind, TenantState};
use freehold_ids::{OperationId, Slug, TenantId};
use serde_json::{Value, json};

use super::tenant_server::TenantServer;
use super::{SagaContext, Step, TurnBack};
use crate::names::{Marker, Names};
use crate::progress::Progress;
use crate::{ProvisionError, Provisioner, databases, roles};

impl Provisioner {
    /// Deletes a tenant for good: database, roles and data key. Its name stays reserved. The caller has asked for confirmation. A
    /// run that was killed is finished by calling it again.
    ///
    /// # Errors
    /// [`ProvisionError::NoTenant`] when there is none, [`ProvisionError::Stuck`] when a step fails.
    pub fn delete_tenant(&self, slug: &Slug, progress: &dyn Progress) -> Result<TenantId, ProvisionError> {
        let new = NewOperation {
            kind: OperationKind::Deprovision,
            subject: slug.to_string(),
            actor: self.actor().to_owned(),
            input: json!({}),
        };
        let tenant = self.catalog().tenant_named(slug)?.ok_or_else(|| ProvisionError::NoTenant(slug.clone()))?;
        let operation = match self.catalog().live_operation(tenant.id)? {
            // The tombstone stands, but its process died before it could say so.
            Some(live) if tenant.state == TenantState::Erased => live.id,
            None if tenant.state == TenantState::Erased => return Err(ProvisionError::NoTenant(slug.clone())),
            _ => self.catalog().begin_operation(&new, tenant.id)?,
        };
        self.execute(&Context::new(self, operation, tenant.id, slug), operation, progress)?;
        Ok(tenant.id)
    }
}

/// What the steps see.
pub(super) struct Context<'a> {
    provisioner: &'a Provisioner,
    operation: OperationId,
    tenant: TenantId,
    slug: Slug,
    names: Names,
    server: TenantServer<'a>,
}

impl<'a> Context<'a> {
    fn new(provisioner: &'a Provisioner, operation: OperationId, tenant: TenantId, slug: &Slug) -> Self {
        let server = TenantServer::new(provisioner, tenant, operation);
        Self { provisioner, operation, tenant, slug: slug.clone(), names: Names::of(tenant), server }
    }

    /// The operation that made the object is another one; the tenant must be this one.
    fn is_ours(&self, marker: Marker) -> bool {
        marker.tenant == self.tenant
    }
}

impl SagaContext for Context<'_> {
    fn steps() -> Vec<Step<Self>> {
        vec![
            Step { name: "fence", title: "Refuse the tenant's requests", check: fenced, run: fence, undo: nothing },
            Step { name: "close", title: "End its sessions", check: unknown, run: close, undo: nothing },
            Step { name: "drop_database", title: "Drop its database", check: unknown, run: drop_database, undo: nothing },
            Step { name: "drop_roles", title: "Drop its roles", check: unknown, run: drop_roles, undo: nothing },
            Step { name: "destroy_key", title: "Destroy its data key", check: unknown, run: destroy_key, undo: nothing },
            Step { name: "bury", title: "Release its name and leave a tombstone", check: buried, run: bury, undo: nothing },
        ]
    }

    fn reset(&self) {
        self.server.reset();
    }

    fn turn_back(&self) -> Result<TurnBack, ProvisionError> {
        let tenant = self.provisioner.catalog().tenant(self.tenant)?;
        let untouched = matches!(tenant.state, TenantState::Active | TenantState::Suspended);
        Ok(if untouched { TurnBack::Undo } else { TurnBack::Forward })
    }
}

fn unknown(_: &Context) -> Result<Option<Value>, ProvisionError> {
    Ok(None)
}

/// Only reached while nothing was done yet.
fn nothing(_: &Context) -> Result<(), ProvisionError> {
    Ok(())
}

fn fenced(ctx: &Context) -> Result<Option<Value>, ProvisionError> {
    let tenant = ctx.provisioner.catalog().tenant(ctx.tenant)?;
    Ok(matches!(tenant.state, TenantState::Erasing | TenantState::Erased).then(|| json!({})))
}

fn fence(ctx: &Context) -> Result<Value, ProvisionError> {
    let tenant = ctx.provisioner.catalog().tenant(ctx.tenant)?;
    let audit = ctx.provisioner.audit("tenant.delete", Some(ctx.tenant), json!({ "slug": ctx.slug, "operation": ctx.operation }));
    ctx.provisioner.catalog().transition(&tenant, TenantState::Erasing, None, &audit)?;
    Ok(json!({}))
}

fn close(ctx: &Context) -> Result<Value, ProvisionError> {
    ctx.server.with(|session, _| {
        roles::set_login(session, &ctx.names, false)?;
        match databases::find(session, ctx.names.database.as_str())? {
            Some(database) if !database.is_invalid() => databases::close(session, &ctx.names.database),
            _ => Ok(()),
        }
    })?;
    Ok(json!({}))
}

fn drop_database(ctx: &Context) -> Result<Value, ProvisionError> {
    ctx.server.with(|session, _| databases::drop_if(session, &ctx.names, |marker| ctx.is_ours(marker)))?;
    Ok(json!({}))
}

fn drop_roles(ctx: &Context) -> Result<Value, ProvisionError> {
    ctx.server.with(|session, _| roles::drop_all(session, &ctx.names, |marker| ctx.is_ours(marker)))?;
    Ok(json!({}))
}

fn destroy_key(ctx: &Context) -> Result<Value, ProvisionError> {
    ctx.provisioner.catalog().drop_credentials(ctx.tenant)?;
    ctx.provisioner.catalog().destroy_tenant_key(ctx.tenant)?;
    Ok(json!({}))
}

fn buried(ctx: &Context) -> Result<Option<Value>, ProvisionError> {
    Ok((ctx.provisioner.catalog().tenant(ctx.tenant)?.state == TenantState::Erased).then(|| json!({})))
}

fn bury(ctx: &Context) -> Result<Value, ProvisionError> {
    ctx.reset();
    ctx.provisioner.catalog().unplace(ctx.tenant)?;
    let tenant = ctx.provisioner.catalog().tenant(ctx.tenant)?;
    if tenant.state != TenantState::Erased {
        let detail = json!({ "slug": ctx.slug, "operation": ctx.operation });
        ctx.provisioner.catalog().bury_tenant(&tenant, &ctx.provisioner.audit("tenant.erase", Some(ctx.tenant), detail))?;
    }
    Ok(json!({}))
}

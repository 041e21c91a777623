//! Making a tenant: reserve, place, key, roles, clone, harden, content, seed, verify, activate.

use std::cell::OnceCell;

use freehold_catalog::{
    NewOperation, NewTenant, Operation, OperationKind, OperationState, Reservation, Tenant, TenantLimits, TenantState,
};
use freehold_ids::{OperationId, ReleaseId, Slug, TenantId};
use freehold_vault::{DataKey, EncryptionContext, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::tenant_server::TenantServer;
use super::{SagaContext, Step, TurnBack};
use crate::names::{Marker, Names};
use crate::progress::Progress;
use crate::{CreateTenant, CreatedTenant, Outcome, ProvisionError, Provisioner};
use crate::{content, databases, harden, roles, scram, seed, template, verify};

/// What an operation remembers of its request. The seed itself is content and stays out of the control plane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Input {
    release: ReleaseId,
    seed_sha256: Option<String>,
    server: Option<String>,
}

/// Rounds of *reserve, find it taken, look again* before somebody is told to come back later.
const ROUNDS: u32 = 5;

impl Provisioner {
    /// Makes a tenant, or finishes making it. The same request again joins a running operation, resumes one whose process was
    /// killed, and answers [`Outcome::Existing`] when all is done.
    ///
    /// # Errors
    /// [`ProvisionError::NameTaken`] when the name belongs to a tenant of another request. After any other error nothing is left of
    /// the tenant, unless it is [`ProvisionError::Stuck`].
    pub fn create_tenant(&self, request: &CreateTenant, progress: &dyn Progress) -> Result<CreatedTenant, ProvisionError> {
        // Before anything is made: an unknown or unreadable release is the caller's mistake.
        self.schema_of(&request.release_id)?;
        let input = Input {
            release: request.release_id.clone(),
            seed_sha256: request.seed.as_deref().map(seed::digest_of),
            server: request.server.clone(),
        };
        let new = NewTenant {
            slug: request.slug.clone(),
            limits: request.limits,
            operation: NewOperation {
                kind: OperationKind::Provision,
                subject: request.slug.to_string(),
                actor: self.actor().to_owned(),
                input: json!(input),
            },
        };
        self.finish_forgotten(&request.slug, progress)?;
        for _ in 0..ROUNDS {
            let (tenant, operation) = match self.catalog().reserve_tenant(&new)? {
                Reservation::New { tenant, operation } => (tenant, operation),
                Reservation::Existing(found) => match self.made_by(&found)? {
                    None => continue,
                    Some(operation) if found.state != TenantState::Erasing && same_request(&operation, &input)? => {
                        if operation.state == OperationState::Succeeded {
                            return self.created(&found, operation.id, Outcome::Existing);
                        }
                        (found.id, operation.id)
                    }
                    Some(_) => return Err(ProvisionError::NameTaken { slug: request.slug.clone(), why: describe(found.state) }),
                },
            };
            let context = Context::new(self, operation, tenant, &request.slug, input.clone(), request.seed.clone());
            let was_turning_back = self.catalog().operation(operation)?.state != OperationState::Running;
            let ended = self.execute(&context, operation, progress)?;
            if ended.operation.state == OperationState::Succeeded {
                let outcome = if ended.by_us { Outcome::Created } else { Outcome::Existing };
                return self.created(&self.catalog().tenant(tenant)?, operation, outcome);
            }
            if !was_turning_back {
                let message = ended.operation.error_message.unwrap_or_else(|| "it was asked to".to_owned());
                return Err(ProvisionError::Undone { operation, message });
            }
            // What an earlier run had begun is undone now: begin anew.
        }
        Err(ProvisionError::NameTaken { slug: request.slug.clone(), why: "other processes keep making and undoing" })
    }

    /// Undoes a tenant that is not finished; nothing is left of it.
    ///
    /// # Errors
    /// [`ProvisionError::AlreadyActive`] when it is finished, [`ProvisionError::Stuck`] when an undo fails.
    pub fn undo_create(&self, slug: &Slug, progress: &dyn Progress) -> Result<(), ProvisionError> {
        self.finish_forgotten(slug, progress)?;
        let tenant = self.tenant(slug)?;
        if !matches!(tenant.state, TenantState::Provisioning | TenantState::Undoing) {
            return Err(ProvisionError::AlreadyActive(slug.clone()));
        }
        let Some(operation) = self.catalog().live_operation(tenant.id)? else { return Ok(()) };
        let input = read_input(&operation)?;
        let context = Context::new(self, operation.id, tenant.id, slug, input, None);
        self.unwind(&context, operation.id, progress)
    }

    /// Closes the records of operations that undid everything and whose process died before it could say so.
    fn finish_forgotten(&self, slug: &Slug, progress: &dyn Progress) -> Result<(), ProvisionError> {
        for operation in self.catalog().live_operations()? {
            let is_abandoned = operation.lease_until.is_none_or(|until| until < chrono::Utc::now());
            let is_ours = operation.kind == OperationKind::Provision && operation.subject == slug.as_str();
            if is_ours && is_abandoned && self.catalog().find_tenant(operation.tenant_id)?.is_none() {
                let input = read_input(&operation)?;
                self.unwind(&Context::new(self, operation.id, operation.tenant_id, slug, input, None), operation.id, progress)?;
            }
        }
        Ok(())
    }

    /// The operation that made or is making a tenant; none when it was undone meanwhile.
    fn made_by(&self, tenant: &Tenant) -> Result<Option<Operation>, ProvisionError> {
        let all = self.catalog().operations_of(tenant.id)?;
        Ok(all
            .into_iter()
            .find(|operation| operation.kind == OperationKind::Provision && operation.state != OperationState::Undone))
    }

    fn created(&self, tenant: &Tenant, operation: OperationId, outcome: Outcome) -> Result<CreatedTenant, ProvisionError> {
        let unreadable = || ProvisionError::OperationUnreadable(operation);
        let placement = tenant.placement.clone().ok_or_else(unreadable)?;
        Ok(CreatedTenant {
            tenant_id: tenant.id,
            slug: tenant.slug.clone(),
            release_id: tenant.release_id.clone().ok_or_else(unreadable)?,
            server: self.catalog().server(placement.server_id)?.name,
            database: placement.database,
            operation,
            outcome,
        })
    }
}

fn read_input(operation: &Operation) -> Result<Input, ProvisionError> {
    serde_json::from_value(operation.input.clone()).map_err(|_| ProvisionError::OperationUnreadable(operation.id))
}

fn same_request(operation: &Operation, input: &Input) -> Result<bool, ProvisionError> {
    let first = read_input(operation)?;
    Ok(first.release == input.release && first.seed_sha256 == input.seed_sha256)
}

fn describe(state: TenantState) -> &'static str {
    match state {
        TenantState::Provisioning => "is being made from another schema or seed",
        TenantState::Undoing => "was begun from another schema or seed and is being undone",
        TenantState::Active | TenantState::Suspended => "was made from another schema or seed",
        TenantState::Erasing | TenantState::Erased => "is being deleted",
    }
}

/// What the steps see.
pub(crate) struct Context<'a> {
    provisioner: &'a Provisioner,
    tenant: TenantId,
    slug: Slug,
    names: Names,
    marker: Marker,
    input: Input,
    seed: Option<String>,
    server: TenantServer<'a>,
    data_key: OnceCell<DataKey>,
}

impl<'a> Context<'a> {
    fn new(
        provisioner: &'a Provisioner,
        operation: OperationId,
        tenant: TenantId,
        slug: &Slug,
        input: Input,
        seed: Option<String>,
    ) -> Self {
        Self {
            provisioner,
            tenant,
            slug: slug.clone(),
            names: Names::of(tenant),
            marker: Marker { operation, tenant },
            input,
            seed,
            server: TenantServer::new(provisioner, tenant, operation),
            data_key: OnceCell::new(),
        }
    }

    #[cfg(test)]
    pub(super) fn for_test(provisioner: &'a Provisioner, made: &CreatedTenant, request: &CreateTenant) -> Self {
        let input = Input {
            release: request.release_id.clone(),
            seed_sha256: request.seed.as_deref().map(seed::digest_of),
            server: request.server.clone(),
        };
        Self::new(provisioner, made.operation, made.tenant_id, &made.slug, input, request.seed.clone())
    }

    fn limits(&self) -> Result<TenantLimits, ProvisionError> {
        Ok(self.provisioner.catalog().limits(self.tenant)?)
    }

    fn data_key(&self) -> Result<&DataKey, ProvisionError> {
        if self.data_key.get().is_none() {
            let wrapped = self.provisioner.catalog().tenant_key(self.tenant)?;
            let wrapped = wrapped.ok_or(ProvisionError::OperationUnreadable(self.marker.operation))?;
            let key = self.provisioner.block_on(self.provisioner.vault().unwrap(&wrapped, &key_context(self.tenant)))?;
            let _ = self.data_key.set(key);
        }
        self.data_key.get().ok_or(ProvisionError::OperationUnreadable(self.marker.operation))
    }

    /// The login's password, as the catalogue keeps it.
    fn password(&self) -> Result<SecretString, ProvisionError> {
        let unreadable = ProvisionError::OperationUnreadable(self.marker.operation);
        let Some(credential) = self.provisioner.catalog().credential(self.tenant)? else { return Err(unreadable) };
        let password = self.data_key()?.open(&credential.sealed_password, &associated(&credential.role_name))?;
        password.into_text().ok_or(unreadable)
    }
}

fn key_context(tenant: TenantId) -> EncryptionContext {
    EncryptionContext::new().with("tenant", tenant).with("purpose", "tenant-data-key")
}

fn associated(role: &str) -> Vec<u8> {
    format!("freehold:credential:{role}").into_bytes()
}

impl SagaContext for Context<'_> {
    fn steps() -> Vec<Step<Self>> {
        vec![
            Step { name: "reserve", title: "Reserve the name", check: reserved, run: reserve, undo: forget },
            Step { name: "place", title: "Choose a server", check: placed, run: place, undo: unplace },
            Step { name: "key", title: "Make the data key", check: keyed, run: make_key, undo: destroy_key },
            Step { name: "roles", title: "Create the roles", check: roles_stand, run: make_roles, undo: drop_roles },
            Step { name: "database", title: "Clone the template database", check: cloned, run: clone, undo: drop_database },
            Step { name: "harden", title: "Close the database to everybody else", check: unknown, run: harden, undo: nothing },
            Step { name: "content", title: "Create the content schema", check: unknown, run: create_content, undo: nothing },
            Step { name: "seed", title: "Run the seed", check: unseeded, run: run_seed, undo: nothing },
            Step {
                name: "verify",
                title: "Log in as the tenant, and fail to elsewhere",
                check: unknown,
                run: verify,
                undo: nothing,
            },
            Step { name: "activate", title: "Activate", check: activated, run: activate, undo: nothing },
        ]
    }

    fn reset(&self) {
        self.server.reset();
    }

    fn turn_back(&self) -> Result<TurnBack, ProvisionError> {
        match self.provisioner.catalog().find_tenant(self.tenant)? {
            Some(tenant) if tenant.state == TenantState::Provisioning => {
                let audit = self.provisioner.audit("tenant.create.undo", Some(self.tenant), json!({ "slug": self.slug }));
                self.provisioner.catalog().transition(&tenant, TenantState::Undoing, None, &audit)?;
                Ok(TurnBack::Undo)
            }
            Some(tenant) if tenant.state == TenantState::Undoing => Ok(TurnBack::Undo),
            None => Ok(TurnBack::Undo),
            Some(_) => Ok(TurnBack::Forward),
        }
    }
}

fn unknown(_: &Context) -> Result<Option<Value>, ProvisionError> {
    Ok(None)
}

/// Dropping the database undoes what happened in it.
fn nothing(_: &Context) -> Result<(), ProvisionError> {
    Ok(())
}

// Reserve: tenant, name and operation are one transaction, so there is no operation without them.

fn reserved(ctx: &Context) -> Result<Option<Value>, ProvisionError> {
    Ok(Some(json!({ "tenant": ctx.provisioner.catalog().tenant(ctx.tenant)?.id })))
}

fn reserve(ctx: &Context) -> Result<Value, ProvisionError> {
    Ok(json!({ "tenant": ctx.tenant }))
}

fn forget(ctx: &Context) -> Result<(), ProvisionError> {
    Ok(ctx.provisioner.catalog().forget_tenant(ctx.tenant)?)
}

fn placed(ctx: &Context) -> Result<Option<Value>, ProvisionError> {
    Ok(ctx.provisioner.catalog().placement(ctx.tenant)?.map(|placement| json!({ "server": placement.server_id })))
}

fn place(ctx: &Context) -> Result<Value, ProvisionError> {
    let placement = ctx.provisioner.catalog().place(ctx.tenant, ctx.names.database.as_str(), ctx.input.server.as_deref())?;
    Ok(json!({ "server": placement.server_id }))
}

fn unplace(ctx: &Context) -> Result<(), ProvisionError> {
    ctx.reset();
    Ok(ctx.provisioner.catalog().unplace(ctx.tenant)?)
}

// The key comes before the roles: it seals the login's password, which is kept before PostgreSQL learns its verifier.

fn keyed(ctx: &Context) -> Result<Option<Value>, ProvisionError> {
    Ok(ctx.provisioner.catalog().tenant_key(ctx.tenant)?.map(|_| json!({})))
}

fn make_key(ctx: &Context) -> Result<Value, ProvisionError> {
    let (_, wrapped) = ctx.provisioner.block_on(ctx.provisioner.vault().generate(&key_context(ctx.tenant)))?;
    ctx.provisioner.catalog().keep_tenant_key(ctx.tenant, &wrapped)?;
    Ok(json!({}))
}

fn destroy_key(ctx: &Context) -> Result<(), ProvisionError> {
    Ok(ctx.provisioner.catalog().destroy_tenant_key(ctx.tenant)?)
}

fn roles_stand(ctx: &Context) -> Result<Option<Value>, ProvisionError> {
    // They were made with the password that is kept: it is kept first, and all of them are one transaction.
    let stand = ctx.server.with(|session, _| roles::exist(session, &ctx.names, ctx.marker))?;
    Ok(stand.then(|| json!({ "login": ctx.names.login_a.as_str() })))
}

fn make_roles(ctx: &Context) -> Result<Value, ProvisionError> {
    if let Some(receipt) = roles_stand(ctx)? {
        return Ok(receipt);
    }
    let login = ctx.names.login_a.as_str();
    let sealed = ctx.data_key()?.seal(scram::new_password()?.expose().as_bytes(), &associated(login));
    ctx.provisioner.catalog().keep_credential(ctx.tenant, login, &sealed)?;
    let (password, limits) = (ctx.password()?, ctx.limits()?);
    ctx.server.with(|session, _| roles::create(session, &ctx.names, ctx.marker, &password, limits.max_connections))?;
    Ok(json!({ "login": login }))
}

fn drop_roles(ctx: &Context) -> Result<(), ProvisionError> {
    ctx.server.with(|session, _| roles::drop_all(session, &ctx.names, |marker| marker == ctx.marker))?;
    Ok(ctx.provisioner.catalog().drop_credentials(ctx.tenant)?)
}

fn cloned(ctx: &Context) -> Result<Option<Value>, ProvisionError> {
    let exists = ctx.server.with(|session, _| databases::exists(session, &ctx.names, ctx.marker))?;
    Ok(exists.then(|| json!({ "database": ctx.names.database.as_str() })))
}

fn clone(ctx: &Context) -> Result<Value, ProvisionError> {
    ctx.server.with(|session, address| {
        // A newer version of this program brings a newer template.
        let template = template::ensure(session, address)?;
        databases::clone(session, &ctx.names, ctx.marker, &template)
    })?;
    Ok(json!({ "database": ctx.names.database.as_str() }))
}

fn drop_database(ctx: &Context) -> Result<(), ProvisionError> {
    ctx.server.with(|session, _| databases::drop_if(session, &ctx.names, |marker| marker == ctx.marker))
}

fn harden(ctx: &Context) -> Result<Value, ProvisionError> {
    let limits = ctx.limits()?;
    ctx.server.with(|session, address| {
        harden::close_to_public(session, &ctx.names, limits)?;
        harden::furnish(&mut address.with_database(ctx.names.database.as_str()).connect()?, &ctx.names, ctx.tenant)?;
        match harden::deviations(session, &ctx.names, limits)?.into_iter().next() {
            Some(deviation) => Err(deviation),
            None => Ok(json!({})),
        }
    })
}

fn create_content(ctx: &Context) -> Result<Value, ProvisionError> {
    let release = &ctx.input.release;
    let schema = ctx.provisioner.schema_of(release)?;
    ctx.server.with(|session, address| {
        roles::as_owner(session, address, &ctx.names, ctx.marker, |owner| {
            content::create(owner, &ctx.names, &ctx.slug, release, &schema)
        })
    })?;
    ctx.provisioner.catalog().set_tenant_release(ctx.tenant, release)?;
    Ok(json!({ "release": release }))
}

fn unseeded(ctx: &Context) -> Result<Option<Value>, ProvisionError> {
    Ok(ctx.input.seed_sha256.is_none().then(|| json!({ "seed": null })))
}

fn run_seed(ctx: &Context) -> Result<Value, ProvisionError> {
    let Some(seed) = &ctx.seed else { return Ok(json!({ "seed": null })) };
    ctx.server
        .with(|session, address| roles::as_owner(session, address, &ctx.names, ctx.marker, |owner| seed::run(owner, seed)))?;
    Ok(json!({ "seed": ctx.input.seed_sha256 }))
}

fn verify(ctx: &Context) -> Result<Value, ProvisionError> {
    let password = ctx.password()?;
    ctx.server.with(|session, address| {
        verify::inside(address, &ctx.names, &password, ctx.tenant, &ctx.input.release)?;
        verify::outside(session, address, &ctx.names, &password)
    })?;
    Ok(json!({}))
}

// Activate: the point of no return. State and audit entry are one transaction.

fn activated(ctx: &Context) -> Result<Option<Value>, ProvisionError> {
    let tenant = ctx.provisioner.catalog().tenant(ctx.tenant)?;
    Ok((tenant.state == TenantState::Active).then(|| json!({ "epoch": tenant.epoch })))
}

fn activate(ctx: &Context) -> Result<Value, ProvisionError> {
    let tenant = ctx.provisioner.catalog().tenant(ctx.tenant)?;
    if tenant.state != TenantState::Active {
        let detail = json!({ "slug": ctx.slug, "release": ctx.input.release, "operation": ctx.marker.operation });
        let audit = ctx.provisioner.audit("tenant.create", Some(ctx.tenant), detail);
        ctx.provisioner.catalog().transition(&tenant, TenantState::Active, None, &audit)?;
    }
    Ok(json!({ "epoch": tenant.epoch }))
}

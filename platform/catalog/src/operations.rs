//! Durable operations: what a saga's executor records, and the lease that keeps two processes from running one operation.
//!
//! A lease has an owner, an end and a generation. Taking it over raises the generation; every write names the generation it
//! was decided under, so a process that slept through the end of its lease cannot record anything any more.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::Timestamptz;
use freehold_ids::{OperationId, TenantId};
use serde_json::Value;
use uuid::Uuid;

use crate::schema::{operation, operation_step};
use crate::state::{OperationKind, OperationState, StepState};
use crate::{Catalog, CatalogError};

diesel::define_sql_function! {
    /// The time of the statement, not of the transaction's start: a lease is judged when its row is locked.
    fn clock_timestamp() -> Timestamptz;
}

/// An operation to be started.
#[derive(Debug, Clone)]
pub struct NewOperation {
    /// What it does.
    pub kind: OperationKind,
    /// What operators know the tenant by.
    pub subject: String,
    /// Who asked for it.
    pub actor: String,
    /// Its parameters; a later process resumes from nothing else.
    pub input: Value,
}

/// A run of a saga.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Its id.
    pub id: OperationId,
    /// What it does.
    pub kind: OperationKind,
    /// The tenant it changes.
    pub tenant_id: TenantId,
    /// What operators know the tenant by.
    pub subject: String,
    /// Who asked for it.
    pub actor: String,
    /// Its parameters.
    pub input: Value,
    /// Where it is.
    pub state: OperationState,
    /// Times it was leased.
    pub generation: i64,
    /// End of the present lease.
    pub lease_until: Option<DateTime<Utc>>,
    /// Stable code of the error that made it turn back.
    pub error_code: Option<String>,
    /// That error in words.
    pub error_message: Option<String>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When nothing was left to do.
    pub finished_at: Option<DateTime<Utc>>,
}

/// The right to run an operation until it ends or somebody else takes it over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The operation.
    pub operation: OperationId,
    /// This process's run.
    pub owner: Uuid,
    /// Fencing: writes under an older generation are refused.
    pub generation: i64,
}

/// A step of an operation as it was recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Its place among the operation's steps.
    pub seq: i32,
    /// Its name.
    pub name: String,
    /// Where it is.
    pub state: StepState,
    /// What it made, for later steps and for its undo.
    pub receipt: Option<Value>,
    /// Why it failed, or why its undo did.
    pub error: Option<String>,
    /// Times it was started.
    pub attempts: i32,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = operation)]
struct Row {
    id: Uuid,
    kind: String,
    tenant_id: Uuid,
    subject: String,
    actor: String,
    input: Value,
    state: String,
    generation: i64,
    lease_until: Option<DateTime<Utc>>,
    error_code: Option<String>,
    error_message: Option<String>,
    created_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
}

impl Catalog {
    /// Starts an operation on a tenant, or finds the one of the same kind that is under way.
    ///
    /// # Errors
    /// [`CatalogError::Busy`] when an operation of another kind is changing the tenant.
    pub fn begin_operation(&self, new: &NewOperation, tenant: TenantId) -> Result<OperationId, CatalogError> {
        match self.transaction(|conn| insert_operation(conn, new, tenant)) {
            Err(CatalogError::Query(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _))) => {
                match self.live_operation(tenant)? {
                    Some(live) if live.kind == new.kind => Ok(live.id),
                    Some(live) => Err(CatalogError::Busy { tenant, kind: live.kind, operation: live.id }),
                    None => Err(CatalogError::Changed(tenant)),
                }
            }
            done => done,
        }
    }

    /// An operation by its id.
    ///
    /// # Errors
    /// [`CatalogError`] when the control database fails or there is none.
    pub fn operation(&self, id: OperationId) -> Result<Operation, CatalogError> {
        self.read(|conn| Ok(operation::table.find(id.as_uuid()).select(Row::as_select()).first(conn)?))
            .and_then(Operation::from_row)
    }

    /// The operation that is changing a tenant, if one is.
    ///
    /// # Errors
    /// [`CatalogError`] when the control database fails.
    pub fn live_operation(&self, tenant: TenantId) -> Result<Option<Operation>, CatalogError> {
        let live = operation::table.filter(operation::tenant_id.eq(tenant.as_uuid())).filter(operation::finished_at.is_null());
        let row = self.read(|conn| Ok(live.select(Row::as_select()).first(conn).optional()?))?;
        row.map(Operation::from_row).transpose()
    }

    /// The operations of a tenant, oldest first.
    ///
    /// # Errors
    /// [`CatalogError`] when the control database fails.
    pub fn operations_of(&self, tenant: TenantId) -> Result<Vec<Operation>, CatalogError> {
        let all = operation::table.filter(operation::tenant_id.eq(tenant.as_uuid())).order(operation::created_at);
        let rows = self.read(|conn| Ok(all.select(Row::as_select()).load(conn)?))?;
        rows.into_iter().map(Operation::from_row).collect()
    }

    /// Every operation that is not finished, oldest first.
    ///
    /// # Errors
    /// [`CatalogError`] when the control database fails.
    pub fn live_operations(&self) -> Result<Vec<Operation>, CatalogError> {
        let live = operation::table.filter(operation::finished_at.is_null()).order(operation::created_at);
        let rows = self.read(|conn| Ok(live.select(Row::as_select()).load(conn)?))?;
        rows.into_iter().map(Operation::from_row).collect()
    }

    /// Takes the lease of an operation for `ttl`, unless another owner's has not ended or the operation is finished.
    ///
    /// # Errors
    /// [`CatalogError`] when the control database fails.
    pub fn acquire_lease(&self, id: OperationId, owner: Uuid, ttl: Duration) -> Result<Option<Lease>, CatalogError> {
        let free = operation::table
            .filter(operation::id.eq(id.as_uuid()))
            .filter(operation::finished_at.is_null())
            .filter(operation::lease_until.is_null().or(operation::lease_until.lt(clock_timestamp().nullable())));
        let generation = self.transaction(|conn| {
            Ok(diesel::update(free)
                .set((
                    operation::lease_owner.eq(owner),
                    operation::lease_until.eq(lease_end(ttl)),
                    operation::generation.eq(operation::generation + 1),
                ))
                .returning(operation::generation)
                .get_result::<i64>(conn)
                .optional()?)
        })?;
        Ok(generation.map(|generation| Lease { operation: id, owner, generation }))
    }

    /// Prolongs a lease to `ttl` from now.
    ///
    /// # Errors
    /// [`CatalogError::LeaseLost`] when somebody else took the operation over.
    pub fn renew_lease(&self, lease: &Lease, ttl: Duration) -> Result<(), CatalogError> {
        self.transaction(|conn| {
            hold(conn, lease)?;
            let row = operation::table.find(lease.operation.as_uuid());
            Ok(diesel::update(row).set(operation::lease_until.eq(lease_end(ttl))).execute(conn).map(drop)?)
        })
    }

    /// Gives a lease back, so that the next process need not wait for its end. Nothing happens when it was lost.
    ///
    /// # Errors
    /// [`CatalogError`] when the control database fails.
    pub fn release_lease(&self, lease: &Lease) -> Result<(), CatalogError> {
        self.transaction(|conn| {
            let held = operation::table
                .filter(operation::id.eq(lease.operation.as_uuid()))
                .filter(operation::generation.eq(lease.generation))
                .filter(operation::lease_owner.eq(lease.owner));
            let nothing = (operation::lease_owner.eq(None::<Uuid>), operation::lease_until.eq(None::<DateTime<Utc>>));
            Ok(diesel::update(held).set(nothing).execute(conn).map(drop)?)
        })
    }

    /// Records where an operation is. A finished one gives its lease back.
    ///
    /// # Errors
    /// [`CatalogError::LeaseLost`] when somebody else took the operation over.
    pub fn set_operation_state(
        &self,
        lease: &Lease,
        state: OperationState,
        error: Option<(&str, &str)>,
    ) -> Result<(), CatalogError> {
        self.transaction(|conn| {
            hold(conn, lease)?;
            let row = operation::table.find(lease.operation.as_uuid());
            diesel::update(row).set(operation::state.eq(state.as_str())).execute(conn)?;
            if let Some((code, message)) = error {
                diesel::update(row).set((operation::error_code.eq(code), operation::error_message.eq(message))).execute(conn)?;
            }
            Ok(())
        })
    }

    /// Ends an operation: nothing is left to do, and its lease is given back.
    ///
    /// # Errors
    /// [`CatalogError::LeaseLost`] when somebody else took the operation over.
    pub fn finish_operation(&self, lease: &Lease, state: OperationState) -> Result<(), CatalogError> {
        self.transaction(|conn| {
            hold(conn, lease)?;
            diesel::update(operation::table.find(lease.operation.as_uuid()))
                .set((
                    operation::state.eq(state.as_str()),
                    operation::finished_at.eq(clock_timestamp().nullable()),
                    operation::lease_owner.eq(None::<Uuid>),
                    operation::lease_until.eq(None::<DateTime<Utc>>),
                ))
                .execute(conn)?;
            Ok(())
        })
    }

    /// The steps of an operation that were started, in order.
    ///
    /// # Errors
    /// [`CatalogError`] when the control database fails.
    pub fn steps(&self, id: OperationId) -> Result<Vec<Step>, CatalogError> {
        type StepRow = (i32, String, String, Option<Value>, Option<String>, i32);
        let rows = self.read(|conn| {
            Ok(operation_step::table
                .filter(operation_step::operation_id.eq(id.as_uuid()))
                .order(operation_step::seq)
                .select((
                    operation_step::seq,
                    operation_step::name,
                    operation_step::state,
                    operation_step::receipt,
                    operation_step::error,
                    operation_step::attempts,
                ))
                .load::<StepRow>(conn)?)
        })?;
        rows.into_iter()
            .map(|(seq, name, state, receipt, error, attempts)| {
                Ok(Step { seq, name, state: StepState::parse(&state)?, receipt, error, attempts })
            })
            .collect()
    }

    /// Records that a step begins.
    ///
    /// # Errors
    /// [`CatalogError::LeaseLost`] when somebody else took the operation over.
    pub fn begin_step(&self, lease: &Lease, seq: i32, name: &str) -> Result<(), CatalogError> {
        self.transaction(|conn| {
            hold(conn, lease)?;
            diesel::insert_into(operation_step::table)
                .values((
                    operation_step::operation_id.eq(lease.operation.as_uuid()),
                    operation_step::seq.eq(seq),
                    operation_step::name.eq(name),
                    operation_step::state.eq(StepState::Doing.as_str()),
                ))
                .on_conflict((operation_step::operation_id, operation_step::seq))
                .do_update()
                .set((
                    operation_step::state.eq(StepState::Doing.as_str()),
                    operation_step::attempts.eq(operation_step::attempts + 1),
                ))
                .execute(conn)?;
            Ok(())
        })
    }

    /// Records that a step's effect stands, with what later steps and its undo need to know.
    ///
    /// # Errors
    /// [`CatalogError::LeaseLost`] when somebody else took the operation over.
    pub fn finish_step(&self, lease: &Lease, seq: i32, receipt: &Value) -> Result<(), CatalogError> {
        self.transaction(|conn| {
            hold(conn, lease)?;
            diesel::update(operation_step::table.find((lease.operation.as_uuid(), seq)))
                .set((
                    operation_step::state.eq(StepState::Done.as_str()),
                    operation_step::receipt.eq(receipt),
                    operation_step::finished_at.eq(clock_timestamp().nullable()),
                ))
                .execute(conn)?;
            Ok(())
        })
    }

    /// Records where a step is, and the error that led there.
    ///
    /// # Errors
    /// [`CatalogError::LeaseLost`] when somebody else took the operation over.
    pub fn mark_step(&self, lease: &Lease, seq: i32, state: StepState, error: Option<&str>) -> Result<(), CatalogError> {
        self.transaction(|conn| {
            hold(conn, lease)?;
            let row = operation_step::table.find((lease.operation.as_uuid(), seq));
            diesel::update(row).set(operation_step::state.eq(state.as_str())).execute(conn)?;
            if let Some(error) = error {
                diesel::update(row).set(operation_step::error.eq(error)).execute(conn)?;
            }
            Ok(())
        })
    }
}

impl Operation {
    fn from_row(row: Row) -> Result<Self, CatalogError> {
        Ok(Self {
            id: OperationId::from_uuid(row.id),
            kind: OperationKind::parse(&row.kind)?,
            tenant_id: TenantId::from_uuid(row.tenant_id),
            subject: row.subject,
            actor: row.actor,
            input: row.input,
            state: OperationState::parse(&row.state)?,
            generation: row.generation,
            lease_until: row.lease_until,
            error_code: row.error_code,
            error_message: row.error_message,
            created_at: row.created_at,
            finished_at: row.finished_at,
        })
    }
}

pub(crate) fn insert_operation(
    conn: &mut PgConnection,
    new: &NewOperation,
    tenant: TenantId,
) -> Result<OperationId, CatalogError> {
    let id = OperationId::generate();
    diesel::insert_into(operation::table)
        .values((
            operation::id.eq(id.as_uuid()),
            operation::kind.eq(new.kind.as_str()),
            operation::tenant_id.eq(tenant.as_uuid()),
            operation::subject.eq(&new.subject),
            operation::actor.eq(&new.actor),
            operation::input.eq(&new.input),
            operation::state.eq(OperationState::Running.as_str()),
        ))
        .execute(conn)?;
    Ok(id)
}

/// Locks the operation's row and proves that the lease still stands.
fn hold(conn: &mut PgConnection, lease: &Lease) -> Result<(), CatalogError> {
    let held = operation::table
        .filter(operation::id.eq(lease.operation.as_uuid()))
        .filter(operation::generation.eq(lease.generation))
        .filter(operation::lease_owner.eq(lease.owner))
        .filter(operation::lease_until.gt(clock_timestamp().nullable()))
        .select(operation::id)
        .for_update()
        .first::<Uuid>(conn)
        .optional()?;
    held.map(drop).ok_or(CatalogError::LeaseLost(lease.operation))
}

/// `ttl` from now by the control database's clock: processes' clocks may differ.
fn lease_end(ttl: Duration) -> diesel::expression::SqlLiteral<diesel::sql_types::Nullable<Timestamptz>> {
    diesel::dsl::sql(&format!("clock_timestamp() + interval '{} milliseconds'", ttl.as_millis()))
}

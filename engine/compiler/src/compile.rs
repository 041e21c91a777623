//! From an operation to a plan.

use freehold_schema::Schema;
use freehold_schema::names::EntityName;

use crate::api::{Api, Meaning};
use crate::bind::StepOutputs;
use crate::caller::Caller;
use crate::coerce::Variables;
use crate::collect::select;
use crate::error::{ErrorCode, RequestError};
use crate::lower::{Env, Refused, State, model, reading, write_only};
use crate::mutation;
use crate::permissions::Permissions;
use crate::plan::{Plan, QueryPlan, Root, RootError, RootValue};
use crate::prepare::Prepared;
use crate::selection::{Selected, Selections};

/// Binds of one statement: PostgreSQL's protocol counts them in 16 bits.
const MAX_BINDS: usize = 65_535;

/// Compiles an operation for the shape of these variables and of this caller. The plan serves every request with the same shapes.
///
/// # Errors
/// When the operation cannot be answered at all; see [`RootValue::Failed`] for root fields that fail alone.
pub fn compile(
    schema: &Schema,
    permissions: &Permissions,
    api: &Api,
    prepared: &Prepared,
    variables: &Variables,
    caller: &Caller,
) -> Result<Plan, Vec<RequestError>> {
    compile_in(&Env { schema, permissions, caller, one_by_one: false }, api, prepared, variables)
}

/// The same, with statements of its own for each row that a mutation creates. Slower, but it says which row is at fault
/// ([`crate::mutation::RunError::Unclear`]). It needs the same new keys as the other plan.
///
/// # Errors
/// As [`compile`].
pub fn compile_one_by_one(
    schema: &Schema,
    permissions: &Permissions,
    api: &Api,
    prepared: &Prepared,
    variables: &Variables,
    caller: &Caller,
) -> Result<Plan, Vec<RequestError>> {
    compile_in(&Env { schema, permissions, caller, one_by_one: true }, api, prepared, variables)
}

fn compile_in(env: &Env<'_>, api: &Api, prepared: &Prepared, variables: &Variables) -> Result<Plan, Vec<RequestError>> {
    let fields = select(api, prepared, variables)?;
    let plan = if prepared.is_mutation() {
        mutation::compile(env, &fields, variables).map(Plan::Mutation)
    } else {
        query(env, "Query", &fields, variables).map(Plan::Query)
    }?;
    match plan.statements().into_iter().map(|statement| statement.binds.len()).max() {
        Some(n_binds) if n_binds > MAX_BINDS => {
            let message = format!(
                "The operation compares or stores {n_binds} values at once, allowed are {MAX_BINDS}; lists count as one."
            );
            Err(vec![RequestError { message, locations: Vec::new(), code: ErrorCode::TooComplex }])
        }
        Some(_) | None => Ok(plan),
    }
}

/// Compiles root fields that read, into one statement.
pub(crate) fn query(
    env: &Env<'_>,
    type_name: &str,
    fields: &[Selected],
    variables: &Variables,
) -> Result<QueryPlan, Vec<RequestError>> {
    let mut state = State::new(env, fields);
    let mut asking = Asking { n_fields: n_asking(fields), n_written: 0 };
    let roots =
        roots(env, &mut state, &mut asking, type_name, fields).map_err(|refused| vec![refused.into_request_error(variables)])?;
    if asking.n_written > 1 {
        state.sql.syntax(" ORDER BY 1");
    }
    Ok(QueryPlan { roots, statement: (asking.n_written > 0).then(|| state.sql.finish()), slots: state.slots })
}

/// Root fields that ask the database.
struct Asking {
    /// Of the whole operation, those included that may have nothing to ask.
    n_fields: usize,
    /// Those that are in the statement so far.
    n_written: usize,
}

fn n_asking(fields: &[Selected]) -> usize {
    let of_field = |field: &Selected| match &field.meaning {
        Meaning::Typename | Meaning::Info | Meaning::S3Dummy | Meaning::ModelSchema | Meaning::Introspection => 0,
        Meaning::ValidateCreate(_) => 0,
        Meaning::QueryTransaction => n_asking(fields_of(field)),
        _ => 1,
    };
    fields.iter().map(of_field).sum()
}

fn roots(
    env: &Env<'_>,
    state: &mut State,
    asking: &mut Asking,
    type_name: &str,
    fields: &[Selected],
) -> Result<Vec<Root>, Refused> {
    fields
        .iter()
        .map(|field| {
            let value = match &field.meaning {
                Meaning::Typename => RootValue::Constant(format!("\"{type_name}\"")),
                Meaning::S3Dummy => RootValue::Constant("null".to_owned()),
                Meaning::Info => RootValue::Constant(model::info(field)),
                Meaning::ModelSchema => RootValue::Constant(model::schema(env, field)),
                Meaning::Introspection => RootValue::Introspection,
                Meaning::ValidateCreate(_) | Meaning::ValidateUpdate(_) => validation(env, state, asking, field)?,
                Meaning::QueryTransaction => RootValue::Object(roots(env, state, asking, &field.type_name, fields_of(field))?),
                Meaning::List(entity) if asking.n_fields == 1 => items(env, state, asking, entity, field)?,
                _ => row(env, state, asking, field)?,
            };
            Ok(Root { key: field.key.clone(), value })
        })
        .collect()
}

fn fields_of(field: &Selected) -> &[Selected] {
    match &field.selections {
        Selections::Object(fields) => fields,
        Selections::None | Selections::Abstract(_) => &[],
    }
}

/// A list that is all of the statement: as one value, PostgreSQL would copy the whole of it several times.
fn items(
    env: &Env<'_>,
    state: &mut State,
    asking: &mut Asking,
    entity: &EntityName,
    field: &Selected,
) -> Result<RootValue, Refused> {
    state.sql.syntax("SELECT 0 AS ordinal, ");
    asking.n_written = 1;
    reading::write_items(env, state, entity, field).map(RootValue::Items)
}

/// A root field that is a row of the statement.
fn row(env: &Env<'_>, state: &mut State, asking: &mut Asking, field: &Selected) -> Result<RootValue, Refused> {
    let (start, n_slots) = (state.sql.mark(), state.slots.len());
    begin_row(state, asking);
    // Root fields have different types, and a column of all their rows has one.
    match write_only(state, |state| reading::write_root(env, state, field)) {
        Ok(output) => Ok(RootValue::Row(end_row(state, asking), output)),
        Err(refused) if matches!(field.meaning, Meaning::Get(_)) => {
            drop(state.sql.cut(start));
            state.slots.truncate(n_slots);
            Ok(RootValue::Failed(RootError { message: refused.message, code: refused.code, pos: refused.pos }))
        }
        Err(refused) => Err(refused),
    }
}

/// `validateCreateX` or `validateUpdateX`: a row of the statement only when rules look at what is stored.
fn validation(env: &Env<'_>, state: &mut State, asking: &mut Asking, field: &Selected) -> Result<RootValue, Refused> {
    let (mut validation, stored) = mutation::validation(env, field)?;
    if !stored.is_empty() {
        begin_row(state, asking);
        state.sql.syntax("ROW(");
        for (index, stored) in stored.iter().enumerate() {
            state.sql.syntax(if index == 0 { "" } else { ", " });
            stored.write(env, state);
        }
        state.sql.syntax(")");
        validation.row = Some(end_row(state, asking));
    }
    Ok(RootValue::Validation(Box::new(validation)))
}

/// Begins a row of the statement; what is written next is its value, a record.
fn begin_row(state: &mut State, asking: &Asking) {
    let is_first = asking.n_written == 0;
    state.sql.syntax(if is_first { "SELECT " } else { " UNION ALL SELECT " }).number(asking.n_written);
    state.sql.syntax(if is_first { " AS ordinal, " } else { ", " });
}

/// Ends the row; its ordinal.
fn end_row(state: &mut State, asking: &mut Asking) -> i32 {
    let ordinal = i32::try_from(asking.n_written).expect("limits keep the number of fields small");
    state.sql.syntax(if asking.n_written == 0 { " AS value" } else { "" });
    asking.n_written += 1;
    ordinal
}

impl Refused {
    pub(crate) fn into_request_error(self, variables: &Variables) -> RequestError {
        RequestError { message: self.message.render(variables, &StepOutputs::new()), locations: vec![self.pos], code: self.code }
    }
}

//! The root fields of a mutation.

use freehold_schema::model::Entity;
use serde_json::Value;

use super::creating::create;
use super::input::{Data, Purpose};
use super::program::{Place, Program};
use super::updating::{Found, update};
use super::{batch, checking, deferring, deleting, has_key, lookups, rows};
use crate::api::Meaning;
use crate::bind::BindSource;
use crate::coerce::Variables;
use crate::compile;
use crate::error::RequestError;
use crate::lower::clauses::{self, ALWAYS, Clause};
use crate::lower::{Env, Refused, State, inputs, reading, write_only};
use crate::objects::ObjectRequest;
use crate::permissions::Access;
use crate::plan::{Action, Guard, MutationPlan, MutationRoot, MutationRootValue, RowChecks, Step, StepKind, Transaction, Write};
use crate::selection::{Input, Selected};

/// Compiles the root fields of a mutation.
pub(crate) fn compile(env: &Env<'_>, fields: &[Selected], variables: &Variables) -> Result<MutationPlan, Vec<RequestError>> {
    let mut needs = Needs::default();
    let roots = roots(env, "Mutation", fields, variables, &mut needs, Deferred::default())?;
    let Needs { n_new_ids, objects } = needs;
    Ok(MutationPlan { roots, n_new_ids, uuid_v7: env.schema.settings.uuid_v7, objects })
}

/// What the engine makes for a run before it begins.
#[derive(Default)]
struct Needs {
    n_new_ids: usize,
    objects: Vec<ObjectRequest>,
}

impl Needs {
    fn object(&mut self, field: &Selected) -> MutationRootValue {
        self.objects.push(ObjectRequest::of(field));
        MutationRootValue::Object(self.objects.len() - 1)
    }
}

/// Constraints that a transaction checks at its commit.
#[derive(Debug, Clone, Copy, Default)]
struct Deferred {
    foreign_keys: bool,
    uniques: bool,
}

fn roots(
    env: &Env<'_>,
    type_name: &str,
    fields: &[Selected],
    variables: &Variables,
    needs: &mut Needs,
    deferred: Deferred,
) -> Result<Vec<MutationRoot>, Vec<RequestError>> {
    let roots = fields.iter().map(|field| {
        let value = match &field.meaning {
            Meaning::Typename => MutationRootValue::Constant(Value::from(type_name).to_string()),
            Meaning::MutationQuery => {
                MutationRootValue::Query(compile::query(env, "Query", field.selections.fields(), variables)?)
            }
            Meaning::MutationTransaction => MutationRootValue::Transaction(transaction(env, field, variables, needs)?),
            Meaning::GenerateUploadUrl | Meaning::GenerateReadUrl => needs.object(field),
            // A member of the transaction's own result.
            Meaning::Plain => MutationRootValue::Result(field.clone()),
            _ => {
                let write = write(env, field, &mut needs.n_new_ids, deferred);
                let write = write.map_err(|refused| vec![refused.into_request_error(variables)])?;
                MutationRootValue::Write(Box::new(write))
            }
        };
        Ok(MutationRoot { key: field.key.clone(), value })
    });
    roots.collect()
}

fn transaction(
    env: &Env<'_>,
    field: &Selected,
    variables: &Variables,
    needs: &mut Needs,
) -> Result<Transaction, Vec<RequestError>> {
    let options = argument(field, "options");
    let is_on = |name| inputs::member(options, name).and_then(inputs::constant) == Some(&Value::Bool(true));
    let deferred = Deferred { foreign_keys: is_on("deferForeignKeyConstraints"), uniques: is_on("deferUniqueConstraints") };
    let roots = roots(env, "MutationTransaction", field.selections.fields(), variables, needs, deferred)?;
    Ok(Transaction { roots, defer: deferring::statement(env, deferred.foreign_keys, deferred.uniques) })
}

fn write(env: &Env<'_>, field: &Selected, n_new_ids: &mut usize, deferred: Deferred) -> Result<Write, Refused> {
    let mut program = Program::new(env, n_new_ids, deferred.foreign_keys);
    let (mut checks, mut n_created) = (Vec::new(), 0);
    match &field.meaning {
        Meaning::Create(entity) => {
            let entity = env.entity(entity.as_str());
            let data = checked(env, entity, Purpose::Create, field, "data", &mut checks)?;
            program.node = only_node(field).filter(|_| data.is_flat(env, entity));
            let row = create(&mut program, entity, &data, None, &Place::default())?;
            nodes(&mut program, field, entity, has_key(entity, row))?;
        }
        Meaning::Update(entity) => {
            let entity = env.entity(entity.as_str());
            let data = checked(env, entity, Purpose::Update, field, "data", &mut checks)?;
            if let Some(found) = named(&mut program, entity, field)? {
                program.node = only_node(field).filter(|_| data.is_flat(env, entity));
                let row = update(&mut program, entity, found, &data, &Place::default())?;
                nodes(&mut program, field, entity, has_key(entity, row))?;
            }
        }
        Meaning::Upsert(entity) => upsert(&mut program, env.entity(entity.as_str()), field, &mut checks)?,
        Meaning::Delete(entity) => {
            let entity = env.entity(entity.as_str());
            if let Some(found) = named(&mut program, entity, field)? {
                program.node = only_node(field);
                if program.node.is_none() {
                    nodes(&mut program, field, entity, found.by.clone())?;
                }
                deleting::remove(&mut program, entity, &found, field.pos, &Place::default())?;
            }
        }
        Meaning::CreateMany(entity) => n_created = create_many(&mut program, env.entity(entity.as_str()), field, &mut checks)?,
        Meaning::UpdateMany(entity) => {
            let entity = env.entity(entity.as_str());
            let data = checked(env, entity, Purpose::Update, field, "data", &mut checks)?;
            batch::update(&mut program, entity, field, filter(env, entity, field)?, &data)?;
        }
        Meaning::DeleteMany(entity) => {
            let entity = env.entity(entity.as_str());
            batch::delete(&mut program, entity, field, filter(env, entity, field)?)?;
        }
        _ => unreachable!("the API has no other root fields that write"),
    }
    let Program { steps, slots, .. } = program;
    let (result_type, result) = (field.type_name.clone(), field.selections.fields().to_vec());
    Ok(Write { checks, steps, result_type, result, slots, n_created })
}

/// Updates the row that is found, or creates one.
fn upsert<'a>(
    program: &mut Program<'_, 'a>,
    entity: &'a Entity,
    field: &Selected,
    checks: &mut Vec<RowChecks>,
) -> Result<(), Refused> {
    let data = checked(program.env, entity, Purpose::Update, field, "update", checks)?;
    let created = checked(program.env, entity, Purpose::Create, field, "create", checks)?;
    let place = Place::default();
    let known = lookups::optional(program, entity, argument(field, "by"), None, &place);
    let found = Found { filter: filter(program.env, entity, field)?, ..Found::with_key(entity, &known) };
    update(program, entity, found, &data, &place.when(Guard::Found(known.clone())))?;
    let new = create(program, entity, &created, None, &place.when(Guard::Missing(known.clone())))?;
    nodes(program, field, entity, has_key(entity, BindSource::FirstOf(vec![known, new])))
}

/// Creates a row for each item; how many.
fn create_many<'a>(
    program: &mut Program<'_, 'a>,
    entity: &'a Entity,
    field: &Selected,
    checks: &mut Vec<RowChecks>,
) -> Result<usize, Refused> {
    let items = batch::items(field, "data")?.iter().enumerate().map(|(index, item)| {
        let place = Place::default().item(index, None);
        let data = Data::read(program.env, Purpose::Create, entity, item, field.pos)?;
        checking::add(entity, &data, &place, None, checks)?;
        Ok((data, place))
    });
    let items = items.collect::<Result<Vec<_>, Refused>>()?;
    rows::create_all(program, entity, &items)?;
    Ok(items.len())
}

/// The data of an argument, whose checks are added.
pub(super) fn checked<'a>(
    env: &Env<'a>,
    entity: &'a Entity,
    purpose: Purpose,
    field: &Selected,
    name: &str,
    checks: &mut Vec<RowChecks>,
) -> Result<Data<'a>, Refused> {
    let data = Data::read(env, purpose, entity, argument(field, name), field.pos)?;
    checking::add(entity, &data, &Place::default(), None, checks)?;
    Ok(data)
}

/// The row that `by` and `filter` name.
fn named<'a>(program: &mut Program<'_, 'a>, entity: &'a Entity, field: &Selected) -> Result<Option<Found<'a>>, Refused> {
    let found = lookups::found(program, entity, argument(field, "by"), None, &Place::default());
    let filter = filter(program.env, entity, field)?;
    Ok(found.map(|found| Found { filter, ..found }))
}

/// The `filter` argument, which the row must satisfy besides being found.
fn filter<'a>(env: &Env<'a>, entity: &'a Entity, field: &Selected) -> Result<Clause<'a>, Refused> {
    let filter = inputs::filter_of(env.schema, entity, field)?;
    Ok(filter.map_or(ALWAYS, |filter| clauses::requested(env, Access::Root, entity, &filter)))
}

/// An argument; null when it was not given.
pub(super) fn argument<'f>(field: &'f Selected, name: &str) -> &'f Input {
    field.arguments.get(name).unwrap_or(&Input::Null)
}

/// The node of a result, when it is selected once.
fn only_node(field: &Selected) -> Option<&Selected> {
    let mut nodes = field.selections.fields().iter().filter(|part| part.meaning == Meaning::Node);
    nodes.next().filter(|_| nodes.next().is_none())
}

/// The steps that read the nodes of a result, one for each time it is selected; none when the statement of the row read it.
fn nodes<'a>(program: &mut Program<'_, 'a>, field: &Selected, entity: &'a Entity, found: Clause<'a>) -> Result<(), Refused> {
    let env = program.env;
    let reads_node = |step: &Step| {
        matches!(step.action, Action::Send(_, StepKind::Change { has_node: true, .. } | StepKind::ChangedNode { .. }))
    };
    if program.steps.iter().any(reads_node) {
        return Ok(());
    }
    for node in field.selections.fields().iter().filter(|part| part.meaning == Meaning::Node) {
        let slots = std::mem::take(&mut program.slots);
        let mut state = State { slots, ..State::new(env, node.selections.fields()) };
        state.sql.syntax("SELECT 0 AS ordinal, ");
        let output = write_only(&mut state, |state| reading::write_found(env, state, entity, found.clone(), node))?;
        state.sql.syntax(" AS value");
        program.slots = std::mem::take(&mut state.slots);
        program.push(&Place::default(), state, StepKind::Node(output));
    }
    Ok(())
}

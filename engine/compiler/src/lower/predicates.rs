//! Predicates of permissions, with the caller's variables put in.

use freehold_schema::filter::{Condition, Filter, Operator};
use serde_json::Value;

use crate::bind::BindSource;
use crate::caller::{Caller, VariableValue};
use crate::permissions::{Operand, Predicate};

/// The predicate as a filter.
pub(super) fn resolve(caller: &Caller, predicate: &Predicate) -> Filter<BindSource> {
    let all = |filters: &[Predicate]| filters.iter().map(|filter| resolve(caller, filter)).collect();
    match predicate {
        Filter::And(filters) => Filter::And(all(filters)),
        Filter::Or(filters) => Filter::Or(all(filters)),
        Filter::Not(filter) => Filter::Not(Box::new(resolve(caller, filter))),
        Filter::Column(field, condition) => Filter::Column(field.clone(), resolve_condition(caller, condition)),
        // A checked schema has none. Of null it is unknown, also below `not`, so it opens nothing.
        Filter::Search(_) => Filter::Search(BindSource::Literal(Value::Null)),
        Filter::Relation(field, filter) => Filter::Relation(field.clone(), Box::new(resolve(caller, filter))),
    }
}

fn resolve_condition(caller: &Caller, condition: &Condition<Operand>) -> Condition<BindSource> {
    let all = |conditions: &[Condition<Operand>]| conditions.iter().map(|c| resolve_condition(caller, c)).collect();
    match condition {
        Condition::And(conditions) => Condition::And(all(conditions)),
        Condition::Or(conditions) => Condition::Or(all(conditions)),
        Condition::Not(condition) => Condition::Not(Box::new(resolve_condition(caller, condition))),
        Condition::IsNull(null) => Condition::IsNull(*null),
        Condition::Compare(operator, Operand::Literal(value)) => {
            Condition::Compare(*operator, BindSource::Literal(value.clone()))
        }
        Condition::Compare(_, Operand::Variable(role, variable)) => match caller.variable(role, variable) {
            VariableValue::Values(_) => Condition::Compare(Operator::In, BindSource::Session(role.clone(), variable.clone())),
            VariableValue::Identity => Condition::Compare(Operator::In, BindSource::Identity),
            VariableValue::Condition(condition) => literal(condition),
            VariableValue::Never => never(),
        },
        // Permissions replace these by operands; an unknown one must not open anything.
        Condition::Variable(_) => never(),
    }
}

/// A condition that a caller's variable stands for.
fn literal(condition: &Condition<Value>) -> Condition<BindSource> {
    match condition {
        Condition::And(conditions) => Condition::And(conditions.iter().map(literal).collect()),
        Condition::Or(conditions) => Condition::Or(conditions.iter().map(literal).collect()),
        Condition::Not(condition) => Condition::Not(Box::new(literal(condition))),
        Condition::IsNull(null) => Condition::IsNull(*null),
        Condition::Compare(operator, value) => Condition::Compare(*operator, BindSource::Literal(value.clone())),
        Condition::Variable(_) => never(),
    }
}

fn never() -> Condition<BindSource> {
    Condition::Or(vec![Condition::Not(Box::new(Condition::And(Vec::new())))])
}

//! Types of aggregates and groups (content API, "Beyond the recorded contract").

use freehold_schema::model::{Column, ColumnKind, Entity, Field, FieldKind};

use super::build::Builder;
use super::definitions::{enumeration, field, field_with, input_field, input_of, non_null, object, ty};
use super::keys::group_keys;
use super::{Meaning, OutputField};

/// What is made of the values of a field, over many rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AggregateFunction {
    /// How many rows have a value.
    CountOf,
    /// How many different values there are.
    CountDistinct,
    /// Their sum.
    Sum,
    /// Their mean.
    Avg,
    /// The smallest.
    Min,
    /// The greatest.
    Max,
}

impl AggregateFunction {
    /// The name of its field in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CountOf => "countOf",
            Self::CountDistinct => "countDistinct",
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
        }
    }

    /// The function whose field has this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [COUNTS, NUMBERS, VALUES].concat().into_iter().find(|function| function.name() == name)
    }
}

use AggregateFunction::{Avg, CountDistinct, CountOf, Max, Min, Sum};

const COUNTS: [AggregateFunction; 2] = [CountOf, CountDistinct];
const NUMBERS: [AggregateFunction; 2] = [Sum, Avg];
const VALUES: [AggregateFunction; 2] = [Min, Max];

/// What is appended to an entity's name. Every beginning of one of them that could be the name of an entity, and have types of its own, is one of them too:
/// where none of these names is taken, no type has two meanings.
const SUFFIXES: [&str; 12] = [
    "Aggregate",
    "AggregateCounts",
    "AggregateCountsOrderBy",
    "AggregateNumbers",
    "AggregateNumbersOrderBy",
    "AggregateValues",
    "AggregateValuesOrderBy",
    "Group",
    "GroupKey",
    "GroupKeyValues",
    "GroupKeyOrderBy",
    "GroupOrderBy",
];

impl<'a> Builder<'a> {
    /// Whether an entity can be aggregated: not where the model has given one of the names to something else. Such models are older than the names.
    pub(super) fn has_aggregates(&self, entity: &str) -> bool {
        !SUFFIXES.iter().any(|suffix| self.model_types.contains(&format!("{entity}{suffix}")))
    }

    /// The types of an entity's aggregates and groups.
    pub(super) fn aggregates(&mut self, entity: &'a Entity, visible: &[&'a Field]) {
        let name = entity.name.as_str();
        if !self.has_aggregates(name) {
            return;
        }
        let mut members = vec![field("count", ty("Int!"), Meaning::Count)];
        let mut orders = vec![input_field("count", ty("OrderDirection"))];
        let counts = visible.iter().filter(|it| is_countable(it)).map(|it| function_of(it, "Int!")).collect();
        let numbers = columns(visible).filter_map(|(it, column)| Some(function_of(it, number(column)?))).collect();
        let values = columns(visible).filter(|(_, column)| is_ordered(column));
        let values = values.map(|(it, column)| function_of(it, &self.column_type(column))).collect();
        let families: [(&str, _, Vec<OutputField>); 3] =
            [("Counts", COUNTS, counts), ("Numbers", NUMBERS, numbers), ("Values", VALUES, values)];
        for (family, functions, fields) in families.into_iter().filter(|(_, _, fields)| !fields.is_empty()) {
            let type_name = format!("{name}Aggregate{family}");
            let order_name = format!("{type_name}OrderBy");
            for function in functions {
                members.push(field(function.name(), ty(&format!("{type_name}!")), Meaning::Function(function)));
                orders.push(input_field(function.name(), ty(&order_name)));
            }
            self.add(input_of(&order_name, fields.iter().map(|field| input_field(&field.name, ty("OrderDirection")))));
            self.add(object(&type_name, fields));
        }
        self.add(object(&format!("{name}Aggregate"), members.clone()));
        self.group_keys(entity);
        let key = field("key", ty(&format!("{name}GroupKeyValues!")), Meaning::GroupKey);
        self.add(object(&format!("{name}Group"), [key].into_iter().chain(members)));
        let key = input_field("key", ty(&format!("{name}GroupKeyOrderBy")));
        self.add(input_of(&format!("{name}GroupOrderBy"), [key].into_iter().chain(orders)));
    }

    fn group_keys(&mut self, entity: &'a Entity) {
        let name = entity.name.as_str();
        let keys: Vec<_> = group_keys(entity).into_iter().filter(|key| self.is_visible(entity, key.field)).collect();
        let names: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
        self.add(enumeration(&format!("{name}GroupKey"), &names));
        let orders = names.iter().map(|name| input_field(name, ty("OrderDirection")));
        self.add(input_of(&format!("{name}GroupKeyOrderBy"), orders));
        let values: Vec<_> = keys
            .iter()
            .map(|key| {
                let value = match &key.field.kind {
                    FieldKind::Relation(relation) => ty(relation.target.as_str()),
                    FieldKind::Column(column) => {
                        let value = if key.part.is_some() { ty("Date") } else { ty(&self.column_type(column)) };
                        if self.is_non_null(entity, key.field, column) { non_null(value) } else { value }
                    }
                };
                field(&key.name, value, Meaning::GroupKeyOf(key.field.name.clone(), key.part))
            })
            .collect();
        self.add(object(&format!("{name}GroupKeyValues"), values));
    }
}

fn function_of(it: &Field, value: &str) -> OutputField {
    field(it.name.as_str(), ty(value), Meaning::FunctionOf(it.name.clone()))
}

fn columns<'f, 'a>(fields: &'f [&'a Field]) -> impl Iterator<Item = (&'a Field, &'a Column)> + use<'f, 'a> {
    fields.iter().filter_map(|field| match &field.kind {
        FieldKind::Column(column) => Some((*field, column)),
        FieldKind::Relation(_) => None,
    })
}

fn is_countable(it: &Field) -> bool {
    match &it.kind {
        FieldKind::Column(column) => column.encryption.is_none(),
        FieldKind::Relation(relation) => !relation.is_has_many(),
    }
}

/// The type of sums and means. Those of integers are exact, and can be larger than a GraphQL Int.
fn number(column: &Column) -> Option<&'static str> {
    match &column.kind {
        _ if column.list => None,
        ColumnKind::Integer | ColumnKind::Numeric => Some("Decimal"),
        ColumnKind::Double => Some("Float"),
        ColumnKind::Uuid
        | ColumnKind::String
        | ColumnKind::Bool
        | ColumnKind::Enum(_)
        | ColumnKind::DateTime
        | ColumnKind::Date
        | ColumnKind::Time
        | ColumnKind::Json
        | ColumnKind::StoredImage => None,
    }
}

/// Whether one value is the smallest. PostgreSQL has no `min` of booleans and, before version 18, of UUIDs.
fn is_ordered(column: &Column) -> bool {
    match &column.kind {
        _ if column.list || column.encryption.is_some() => false,
        ColumnKind::String
        | ColumnKind::Integer
        | ColumnKind::Double
        | ColumnKind::Numeric
        | ColumnKind::Enum(_)
        | ColumnKind::DateTime
        | ColumnKind::Date
        | ColumnKind::Time => true,
        ColumnKind::Uuid | ColumnKind::Bool | ColumnKind::Json | ColumnKind::StoredImage => false,
    }
}

/// `name(filter): TAggregate!`
pub(super) fn aggregate(name: &str, target: &str, meaning: Meaning) -> OutputField {
    let filter = format!("{target}Where");
    field_with(name, &[("filter", &filter)], ty(&format!("{target}Aggregate!")), meaning)
}

/// `name(by, filter, orderBy, offset, limit): [TGroup!]!`
pub(super) fn group(name: &str, target: &str, meaning: Meaning) -> OutputField {
    let (by, filter, order) = (format!("[{target}GroupKey!]!"), format!("{target}Where"), format!("[{target}GroupOrderBy!]"));
    let arguments = [("by", &*by), ("filter", &*filter), ("orderBy", &*order), ("offset", "Int"), ("limit", "Int")];
    field_with(name, &arguments, ty(&format!("[{target}Group!]!")), meaning)
}

#[cfg(test)]
mod tests {
    use freehold_schema::Schema;
    use freehold_schema::acl::EntityGrants;
    use freehold_schema::model::FieldKind;
    use freehold_schema::names::{EntityName, EnumName, FieldName, RoleName};

    use super::SUFFIXES;
    use crate::api::{Api, TypeKind};
    use crate::testing::{api, blog, tiny};

    /// The API of a role that may do everything.
    fn everything(mut schema: Schema) -> Api {
        let mut role = schema.roles.values().next().unwrap().clone();
        (role.name, role.entities) = (RoleName::new("all"), EntityGrants::Everything);
        schema.roles.insert(role.name.clone(), role);
        api(&schema, &["all"])
    }

    fn fields<'a>(api: &'a Api, ty: &str) -> Vec<&'a str> {
        api.types[ty].output_fields().unwrap().keys().map(|name| &**name).collect()
    }

    /// Where the model has the name of a type that aggregates would need.
    fn assert_left_out(api: &Api, taken: &str) {
        let roots = fields(api, "Query");
        assert!(roots.contains(&"aggregateAuthor") && roots.contains(&"groupAuthor"), "{taken}");
        assert!(!roots.contains(&"aggregateBook") && !roots.contains(&"groupBook"), "{taken}");
        assert!(!fields(api, "Author").contains(&"aggregateBooks") && !fields(api, "Author").contains(&"groupBooks"), "{taken}");
        let left: Vec<_> =
            api.types.keys().filter(|name| name.starts_with("BookAggregate") || name.starts_with("BookGroup")).collect();
        assert!(left.iter().all(|name| name.starts_with(taken)), "{taken}: {left:?}");
    }

    #[test]
    fn a_name_that_the_model_gave_leaves_the_aggregates_of_its_entity_out() {
        for suffix in SUFFIXES {
            let (mut schema, name) = (tiny(), format!("Book{suffix}"));
            let mut entity = schema.entities["Author"].clone();
            entity.name = EntityName::new(&name);
            entity.fields.retain(|_, field| matches!(field.kind, FieldKind::Column(_)));
            schema.entities.insert(entity.name.clone(), entity);
            let api = everything(schema);
            assert_left_out(&api, &name);
            assert_eq!(fields(&api, &name)[0], "_meta");
            // What is taken has aggregates of its own.
            assert!(fields(&api, "Query").contains(&&*format!("aggregate{name}")), "{name}");
        }
    }

    #[test]
    fn names_of_enums_and_aliases_count_too() {
        let mut schema = tiny();
        let mut taken = schema.enums["level"].clone();
        taken.name = EnumName::new("bookGroupKey");
        schema.enums.insert(taken.name.clone(), taken);
        assert_left_out(&everything(schema), "BookGroupKey");
        let mut schema = tiny();
        let FieldKind::Column(name) = &mut schema.entities["Author"].fields["name"].kind else { panic!("a column") };
        name.type_alias = Some("BookAggregate".to_owned());
        assert_left_out(&everything(schema), "BookAggregate");
    }

    #[test]
    fn a_field_of_the_model_wins_over_a_generated_one() {
        let mut schema = blog();
        for (entity, from, to) in [("Article", "slug", "publishedAtMonth"), ("Author", "name", "groupArticles")] {
            let mut field = schema.entities[entity].fields[from].clone();
            field.name = FieldName::new(to);
            schema.entities[entity].fields.insert(field.name.clone(), field);
        }
        let api = everything(schema);
        let key = api.output_field("ArticleGroupKeyValues", "publishedAtMonth").unwrap();
        assert_eq!(key.ty.to_string(), "String!");
        assert_eq!(fields(&api, "ArticleGroupKeyValues").iter().filter(|name| **name == "publishedAtMonth").count(), 1);
        assert!(api.output_field("Author", "groupArticles").unwrap().arguments.is_empty());
        assert!(fields(&api, "Author").contains(&"aggregateArticles"));
    }

    #[test]
    fn types_exist_as_far_as_something_is_in_them() {
        let mut schema = blog();
        // Neither numbers nor anything that has an order.
        schema.entities["Tag"].fields.retain(|name, _| matches!(name.as_str(), "id" | "articles"));
        let api = everything(schema);
        assert_eq!(fields(&api, "ArticleAggregate"), ["count", "countOf", "countDistinct", "sum", "avg", "min", "max"]);
        assert_eq!(fields(&api, "AuthorGroup"), ["key", "count", "countOf", "countDistinct", "min", "max"]);
        assert_eq!(fields(&api, "TagAggregate"), ["count", "countOf", "countDistinct"]);
        assert!(api.types.values().all(|ty| match &ty.kind {
            TypeKind::Object { fields, .. } | TypeKind::Interface { fields } => !fields.is_empty(),
            TypeKind::Input(fields) => !fields.is_empty(),
            TypeKind::Enum(values) => !values.is_empty(),
            TypeKind::Scalar(_) | TypeKind::Union(_) => true,
        }));
    }
}

//! The functions that write the event log, one for each table and kind of change. PostgreSQL would take several times as long to find out which columns a row of any
//! table has, and which of them an update changed; and PL/pgSQL sets up anew in every transaction what a function asks, so none asks which kind of change it is
//! called for (measured: `tests/bench/README.md`).
//!
//! What a statement adds or deletes is recorded at once when it ends. Updates are recorded row by row: nothing but the key, which may change, pairs rows before and after. So
//! if a trigger of the tenant's own changes a row again after each that was added, that change is recorded before the row itself.
//!
//! They run with the rights of whoever writes, whom the log lets add what triggers add and nothing else (`migrations/tenant`), and without a search path of their own: a
//! change of the user and one of the path would each cost a tenth of their time. So every name says where it is. Nobody but the owner may use the namespaces that
//! they are in.

use crate::ddl::{Context, SYSTEM_NAMESPACE, column_of, literal};
use crate::ident::Ident;
use crate::model::{Column, Entity, Field, FieldKind, JoiningTable};

/// PostgreSQL's functions take at most 100 arguments.
const PAIRS_OF_A_CALL: usize = 50;

/// What a function calls the rows that a statement added or deleted.
const CHANGED: &str = "changed";

/// What happens to a row.
#[derive(Clone, Copy)]
pub(super) enum Change {
    Insert,
    Update,
    Delete,
}

/// What is recorded of a table's rows.
pub(super) struct Recorded<'a> {
    table: &'a Ident,
    key: Vec<Stored<'a>>,
    values: Vec<Stored<'a>>,
}

/// A column of a table.
struct Stored<'a> {
    name: &'a Ident,
    nullable: bool,
    comparison: Comparison,
}

/// How two values are compared.
#[derive(Clone, Copy)]
enum Comparison {
    /// As PostgreSQL does it.
    Plain,
    /// A collation may say that two texts are equal that are not the same.
    Bytes,
    /// There is no equality of the type.
    Text,
}

impl Change {
    pub(super) const ALL: [Self; 3] = [Self::Insert, Self::Update, Self::Delete];

    /// What it is called in the names of what records it.
    fn name(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    /// When its function is called.
    fn calls(self) -> String {
        match self {
            Self::Insert => format!("REFERENCING NEW TABLE AS {CHANGED} FOR EACH STATEMENT"),
            Self::Update => "FOR EACH ROW".to_owned(),
            Self::Delete => format!("REFERENCING OLD TABLE AS {CHANGED} FOR EACH STATEMENT"),
        }
    }

    /// Where the functions for it are: one for each table, named like it.
    pub(super) fn namespace(self) -> String {
        format!("freehold_log_{}", self.name())
    }
}

impl<'a> Recorded<'a> {
    /// Without the column that is searched: it is made of others.
    pub(super) fn entity(entity: &'a Entity) -> Self {
        let key = column_of(entity, &entity.primary);
        let stored = entity.fields.values().filter_map(Stored::of_field);
        let (key, values) = stored.partition(|column| column.name == key);
        Self { table: &entity.table, key, values }
    }

    pub(super) fn links(links: &'a JoiningTable) -> Self {
        let key = [&links.owner, &links.target].map(|joining| Stored::plain(&joining.column, false));
        Self { table: &links.table, key: key.into(), values: Vec::new() }
    }

    /// `CREATE FUNCTION …`
    fn function(&self, change: Change) -> String {
        let body = match change {
            Change::Insert => {
                format!("BEGIN\n  {} FROM {CHANGED};", self.event("create", CHANGED, "NULL", &self.whole(CHANGED)))
            }
            Change::Update => format!(
                "DECLARE
  before pg_catalog.jsonb;
  after pg_catalog.jsonb;
BEGIN
{}  IF after IS NOT NULL THEN
    {};
  END IF;",
                self.key.iter().chain(&self.values).map(Stored::difference).collect::<String>(),
                self.event("update", "OLD", "before", "after"),
            ),
            Change::Delete => {
                format!("BEGIN\n  {} FROM {CHANGED};", self.event("delete", CHANGED, &self.whole(CHANGED), "NULL"))
            }
        };
        let body = literal(&format!("{body}\n  RETURN NULL;\nEND"));
        format!("CREATE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql AS {body}", self.name(change))
    }

    fn name(&self, change: Change) -> String {
        format!("{}.{}", change.namespace(), self.table)
    }

    fn event(&self, kind: &str, row: &str, old_values: &str, new_values: &str) -> String {
        let key: Vec<String> = self.key.iter().map(|column| format!("{row}.{}::pg_catalog.text", column.name)).collect();
        format!(
            "INSERT INTO {SYSTEM_NAMESPACE}.event (kind, table_name, primary_key, old_values, new_values) SELECT '{kind}', {}, ARRAY[{}], {old_values}, {new_values}",
            literal(self.table.as_str()),
            key.join(", ")
        )
    }

    /// All values of a row.
    fn whole(&self, row: &str) -> String {
        let object = |columns: &[Stored<'_>]| {
            let pairs: Vec<String> = columns.iter().map(|column| column.pair(row)).collect();
            format!("pg_catalog.jsonb_build_object({})", pairs.join(", "))
        };
        let objects: Vec<String> = self.values.chunks(PAIRS_OF_A_CALL).map(object).collect();
        if objects.is_empty() { "'{}'".to_owned() } else { objects.join(" OPERATOR(pg_catalog.||) ") }
    }
}

impl<'a> Stored<'a> {
    fn plain(name: &'a Ident, nullable: bool) -> Self {
        Self { name, nullable, comparison: Comparison::Plain }
    }

    fn of_field(field: &'a Field) -> Option<Self> {
        match &field.kind {
            FieldKind::Column(column) => {
                Some(Self { name: &column.column, nullable: column.nullable, comparison: Comparison::of(column) })
            }
            FieldKind::Relation(relation) => {
                relation.joining_column().map(|joining| Self::plain(&joining.column, relation.has_nullable_key()))
            }
        }
    }

    /// `'title', changed."title"`
    fn pair(&self, row: &str) -> String {
        format!("{}, {row}.{}", literal(self.name.as_str()), self.name)
    }

    /// Adds the column to both objects when its value differs.
    fn difference(&self) -> String {
        let add = |object: &str, row: &str| {
            format!(
                "    {object} := coalesce({object}, '{{}}') OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object({});\n",
                self.pair(row)
            )
        };
        format!("  IF {} THEN\n{}{}  END IF;\n", self.differs(), add("before", "OLD"), add("after", "NEW"))
    }

    /// IS DISTINCT FROM would look up its operator where the session says.
    fn differs(&self) -> String {
        let value = |row: &str| match self.comparison {
            Comparison::Plain => format!("{row}.{}", self.name),
            Comparison::Bytes => format!("{row}.{} COLLATE pg_catalog.\"C\"", self.name),
            Comparison::Text => format!("{row}.{}::pg_catalog.text", self.name),
        };
        let differ = format!("{} OPERATOR(pg_catalog.<>) {}", value("OLD"), value("NEW"));
        if self.nullable {
            format!("({differ}) IS NOT FALSE AND (OLD.{0} IS NOT NULL OR NEW.{0} IS NOT NULL)", self.name)
        } else {
            differ
        }
    }
}

impl Comparison {
    fn of(column: &Column) -> Self {
        if column.pg_type == "json" {
            Self::Text
        } else if column.collation.is_some() {
            Self::Bytes
        } else {
            Self::Plain
        }
    }
}

impl Context<'_> {
    /// Lets changes of a table be recorded: its functions, and what calls them.
    pub(super) fn recorded(&self, recorded: &Recorded<'_>) -> Vec<String> {
        let table = self.qualified(recorded.table);
        let mut statements = Vec::new();
        for change in Change::ALL {
            statements.push(recorded.function(change));
            statements.push(format!(
                "CREATE TRIGGER freehold_record_{} AFTER {} ON {table} {} EXECUTE FUNCTION {}()",
                change.name(),
                change.name().to_ascii_uppercase(),
                change.calls(),
                recorded.name(change)
            ));
        }
        statements.push(format!(
            "CREATE TRIGGER freehold_record_truncate AFTER TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {SYSTEM_NAMESPACE}.record_truncate()"
        ));
        statements
    }
}

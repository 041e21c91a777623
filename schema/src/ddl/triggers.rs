//! What is called when rows change.

use crate::ddl::tables::joining_table;
use crate::ddl::{Context, SYSTEM_NAMESPACE, column_of, literal};
use crate::ident::Ident;
use crate::model::{Entity, Field};
use crate::search;

impl Context<'_> {
    pub(super) fn watched(&self, entity: &Entity) -> Vec<String> {
        if !entity.event_log {
            return vec![self.counted(&entity.table)];
        }
        // Made of other columns, so it would only be logged twice.
        let left_out = entity.searchable().next().map(|_| search::column());
        self.recorded(&entity.table, [Some(column_of(entity, &entity.primary)), None], left_out.as_ref())
    }

    pub(super) fn watched_links(&self, field: &Field) -> Vec<String> {
        let links = joining_table(field);
        if links.event_log {
            self.recorded(&links.table, [Some(&links.owner.column), Some(&links.target.column)], None)
        } else {
            vec![self.counted(&links.table)]
        }
    }

    /// Lets changes of a table with this primary key be recorded, without a column that is left out.
    fn recorded(&self, table: &Ident, key: [Option<&Ident>; 2], left_out: Option<&Ident>) -> Vec<String> {
        let table = self.qualified(table);
        let trigger = |kind: &str, rows: &str, arguments: &str| {
            let (name, event) = (format!("record_{kind}"), kind.to_uppercase());
            format!(
                "CREATE TRIGGER freehold_{name} AFTER {event} ON {table} FOR EACH {rows} EXECUTE FUNCTION {SYSTEM_NAMESPACE}.{name}({arguments})"
            )
        };
        let arguments = key.into_iter().chain(left_out.map(Some)).map(|column| literal(column.map_or("", Ident::as_str)));
        let arguments = arguments.collect::<Vec<_>>().join(", ");
        let of_rows = ["insert", "update", "delete"].map(|kind| trigger(kind, "ROW", &arguments));
        of_rows.into_iter().chain([trigger("truncate", "STATEMENT", "")]).collect()
    }

    /// Lets changes of a table be counted. Per statement and not per row: a statement that writes a thousand rows is one change.
    fn counted(&self, table: &Ident) -> String {
        format!(
            "CREATE TRIGGER freehold_count_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {} \
             FOR EACH STATEMENT EXECUTE FUNCTION {SYSTEM_NAMESPACE}.count_change()",
            self.qualified(table)
        )
    }
}

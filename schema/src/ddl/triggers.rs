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
        let mut arguments = vec![column_of(entity, &entity.primary)];
        let search = search::column();
        // Made of other columns, so it would only be logged twice.
        arguments.extend(entity.searchable().next().is_some().then_some(&search));
        self.recorded(&entity.table, &arguments)
    }

    pub(super) fn watched_links(&self, field: &Field) -> Vec<String> {
        let links = joining_table(field);
        if links.event_log {
            self.recorded(&links.table, &[&links.owner.column, &links.target.column])
        } else {
            vec![self.counted(&links.table)]
        }
    }

    /// Lets changes of a table be recorded.
    fn recorded(&self, table: &Ident, arguments: &[&Ident]) -> Vec<String> {
        let arguments: Vec<String> = arguments.iter().map(|column| literal(column.as_str())).collect();
        let call = format!("EXECUTE FUNCTION {SYSTEM_NAMESPACE}.record_change({})", arguments.join(", "));
        let table = self.qualified(table);
        vec![
            format!("CREATE TRIGGER freehold_record_change AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW {call}"),
            format!("CREATE TRIGGER freehold_record_truncate AFTER TRUNCATE ON {table} FOR EACH STATEMENT {call}"),
        ]
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

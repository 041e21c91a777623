//! What is called when rows change.

use crate::ddl::recording::Recorded;
use crate::ddl::tables::joining_table;
use crate::ddl::{Context, SYSTEM_NAMESPACE};
use crate::ident::Ident;
use crate::model::{Entity, Field};

impl Context<'_> {
    pub(super) fn watched(&self, entity: &Entity) -> Vec<String> {
        if entity.event_log { self.recorded(&Recorded::entity(entity)) } else { vec![self.counted(&entity.table)] }
    }

    pub(super) fn watched_links(&self, field: &Field) -> Vec<String> {
        let links = joining_table(field);
        if links.event_log { self.recorded(&Recorded::links(links)) } else { vec![self.counted(&links.table)] }
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

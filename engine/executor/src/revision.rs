//! How often a tenant's content was changed.

use crate::sql::SqlStatement;

/// Events that were ever recorded, those that were pruned included, and changes of the tables that are not recorded.
const CHANGES: &str = "SELECT 0, n::text FROM (
    SELECT coalesce((SELECT max(position) FROM freehold.event_seal), chain.pruned_position)
        + (SELECT count(*) FROM freehold.event
            WHERE id > chain.settled_id AND NOT EXISTS (SELECT FROM freehold.event_seal WHERE event_id = event.id))
        + (SELECT coalesce(sum(n), 0) FROM freehold.revision) AS n
    FROM freehold.event_chain chain
) changes WHERE n > 0";

/// A statement whose only row has, in place of JSON, a number that every transaction that changes content makes larger; no row when none ever did.
///
/// It depends on the snapshot alone: two statements that read the same number read the same content. Writers do nothing for it beyond
/// what they record (`migrations/tenant`). It reads the events that are not sealed yet, those of about the last second.
#[must_use]
pub fn statement() -> SqlStatement {
    SqlStatement::from_segments(vec![CHANGES.to_owned()])
}

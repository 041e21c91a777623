//! How often a tenant's content was changed.

use crate::sql::SqlStatement;

/// Events that were ever recorded, those that were pruned included, and changes of the tables that are not recorded.
const CHANGES: &str = "SELECT 0, n::text FROM (
    SELECT coalesce(
            (SELECT position + octet_length(hashes) / 32 - 1 FROM freehold.event_seal ORDER BY position DESC LIMIT 1),
            (SELECT pruned_position FROM freehold.event_chain))
        + (SELECT count(*) FROM freehold.event WHERE id > (SELECT settled_id FROM freehold.event_chain) AND id NOT IN (
            SELECT unnest(event_ids) FROM freehold.event_seal WHERE last_id > (SELECT settled_id FROM freehold.event_chain)))
        + (SELECT coalesce(sum(n), 0) FROM freehold.revision) AS n
) changes WHERE n > 0";

/// A statement whose only row has, in place of JSON, a number that every transaction that changes content makes larger; no row when none ever did.
///
/// It depends on the snapshot alone: two statements that read the same number read the same content. Writers do nothing for it beyond
/// what they record (`migrations/tenant`). It reads the events that are not sealed yet, those of about the last second.
#[must_use]
pub fn statement() -> SqlStatement {
    SqlStatement::from_segments(vec![CHANGES.to_owned()])
}

//! How often a tenant's content was changed.

use crate::sql::SqlStatement;

/// A statement whose only row has, in place of JSON, a number that every transaction that changes content makes larger; no row when none ever did.
///
/// It depends on the snapshot alone: two statements that read the same number read the same content. The tables' triggers keep it (`migrations/tenant`).
#[must_use]
pub fn statement() -> SqlStatement {
    SqlStatement::from_segments(vec!["SELECT 0, sum(n)::text FROM freehold.revision HAVING count(*) > 0".to_owned()])
}

//! Answers that a tenant's database keeps for a day, by idempotency key (`migrations/tenant`).

use freehold_compiler::bind::BindValue;
use uuid::Uuid;

use crate::sql::SqlStatement;

/// Which answer.
#[derive(Debug, Clone)]
pub struct AnswerKey {
    /// Who asked.
    pub identity: Uuid,
    /// As he called it.
    pub key: String,
    /// Of the request.
    pub fingerprint: String,
}

/// What is known of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// Nobody asked before.
    New,
    /// Somebody asks at this moment.
    Busy,
    /// The key came with another request.
    Other,
    /// The answer's JSON.
    Kept(String),
}

impl Known {
    /// From what [`find`] returned.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "new" => Some(Self::New),
            "busy" => Some(Self::Busy),
            "other" => Some(Self::Other),
            other => other.strip_prefix("kept").map(|answer| Self::Kept(answer.to_owned())),
        }
    }
}

/// A statement that finds the answer of a root field, and lets nobody else make it while the transaction lasts.
#[must_use]
pub fn find(key: &AnswerKey, root: i32) -> (SqlStatement, Vec<BindValue>) {
    let segments = ["SELECT 0, freehold.find_answer(", ", ", ", ", ", ", ")"];
    (SqlStatement::from_segments(segments.map(str::to_owned).into()), key.binds(root))
}

/// A statement that keeps the answer of a root field.
#[must_use]
pub fn keep(key: &AnswerKey, root: i32, answer: String) -> (SqlStatement, Vec<BindValue>) {
    let segments = ["SELECT 0, '' FROM freehold.keep_answer(", ", ", ", ", ", ", ", ", ")"];
    let mut binds = key.binds(root);
    binds.push(BindValue::Text(Some(answer)));
    (SqlStatement::from_segments(segments.map(str::to_owned).into()), binds)
}

impl AnswerKey {
    fn binds(&self, root: i32) -> Vec<BindValue> {
        vec![
            BindValue::Uuid(Some(self.identity)),
            BindValue::Text(Some(self.key.clone())),
            BindValue::Int(Some(root)),
            BindValue::Text(Some(self.fingerprint.clone())),
        ]
    }
}

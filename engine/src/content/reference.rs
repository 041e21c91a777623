//! The ref of an answer: what a client sends back to learn that nothing changed (content API, section 14.3).
//!
//! For a caller who may read everything it stands for the state of the tenant's content as a whole. For anybody else that would tell of changes to what he may not
//! read (ARCHITECTURE D13), so his refs stand for his question and its answer.

use std::sync::{Arc, LazyLock};

use chrono::Utc;
use freehold_executor::{ExecuteError, SqlStatement, revision};
use freehold_tokens::image::MIN_LIFE_SECONDS;
use ring::digest::{Context, SHA256};
use serde_json::{Map, Value};

use crate::content::answer::Answer;
use crate::content::execute::Setting;
use crate::content::planning::Asked;
use crate::http::failure::Failure;
use crate::http::request::GraphqlRequest;

/// Of a SHA-256; what nobody meets by chance.
const REF_BYTES: usize = 8;

static REVISION: LazyLock<Arc<SqlStatement>> = LazyLock::new(|| Arc::new(revision::statement()));

/// What a request comes to.
pub struct Reply {
    /// None when the client has it already.
    pub answer: Option<Answer>,
    /// For a client that asked, unless nothing was ever written or it is not counted.
    pub reference: Option<String>,
}

/// What a client sent as the ref that it has.
pub struct Given<'a> {
    reference: &'a str,
    /// For a caller who may not read everything.
    question: Option<Context>,
}

impl Setting {
    /// The ref that came with a request.
    pub fn given<'a>(&self, reference: &'a str, request: &GraphqlRequest) -> Given<'a> {
        Given { reference, question: (!self.role_api.reads_everything).then(|| question(request)) }
    }

    /// Runs what a request asks for, unless the client has the answer. Without `given`, no ref is made.
    pub async fn reply(
        self: &Arc<Self>,
        asked: Asked,
        variables: Map<String, Value>,
        given: Option<Given<'_>>,
    ) -> Result<Reply, Failure> {
        let Some(given) = given.filter(|_| !asked.document.prepared.is_mutation()) else {
            return Ok(Reply { answer: Some(self.run(asked, variables).await?), reference: None });
        };
        if let Some(question) = given.question {
            let answer = self.run(asked, variables).await?;
            let reference = of_answer(question, &answer);
            return Ok(Reply { answer: (reference != given.reference).then_some(answer), reference: Some(reference) });
        }
        // In this order: a ref may be older than the data it comes with, which costs one more answer; a newer one would hide a change for ever.
        let reference = self.of_content().await?;
        let is_known = reference.as_deref() == Some(given.reference);
        let answer = if is_known { None } else { Some(self.run(asked, variables).await?) };
        Ok(Reply { answer, reference })
    }

    async fn of_content(&self) -> Result<Option<String>, ExecuteError> {
        let rows = match self.read(&REVISION, Vec::new(), None).await {
            // A database from before the migration that counts changes.
            Err(ExecuteError::Database(error)) if error.is_missing_table() => return Ok(None),
            result => result?,
        };
        let Some(row) = rows.first() else { return Ok(None) };
        let mut context = Context::new(&SHA256);
        // A restored database may count to the same number again; the epoch is another then. What the number does not see is a new schema.
        context.update(self.tenant.id().as_uuid().as_bytes());
        context.update(&self.tenant.epoch().to_be_bytes());
        context.update(self.release.id.as_str().as_bytes());
        // The image URLs in what the client keeps run out.
        context.update(&Utc::now().timestamp().div_euclid(MIN_LIFE_SECONDS).to_be_bytes());
        context.update(&row.value);
        Ok(Some(finish(context)))
    }
}

/// The question is part of it: two questions may have equal answers, and a client that kept an older answer of the other one must not take it for this.
fn question(request: &GraphqlRequest) -> Context {
    let mut context = Context::new(&SHA256);
    let variables = serde_json::to_vec(&request.variables).expect("JSON serialises");
    for part in [request.query.as_bytes(), request.operation_name.as_deref().unwrap_or_default().as_bytes(), &variables] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    context
}

/// Tells requests apart, for their idempotency keys.
pub fn fingerprint(request: &GraphqlRequest) -> String {
    data_encoding::HEXLOWER.encode(question(request).finish().as_ref())
}

fn of_answer(mut question: Context, answer: &Answer) -> String {
    question.update(&answer.body);
    finish(question)
}

fn finish(context: Context) -> String {
    data_encoding::HEXLOWER.encode(&context.finish().as_ref()[..REF_BYTES])
}

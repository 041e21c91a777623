//! Carries out an operation: shapes, plan, values, rows.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use data_encoding::HEXLOWER;
use freehold_compiler::bind::{BindContext, StepOutputs};
use freehold_compiler::caller::Caller;
use freehold_compiler::cipher::Cipher;
use freehold_compiler::coerce::Variables;
use freehold_compiler::output::Malformed;
use freehold_compiler::plan::{MutationPlan, MutationRoot, MutationRootValue, Plan, QueryPlan, Root, RootValue, Slot, Statement};
use freehold_executor::answers::AnswerKey;
use freehold_executor::{ExecuteError, Row, SqlStatement, Tenant};
use serde_json::{Map, Value};
use tokio::time::timeout_at;
use uuid::Uuid;

use crate::content::answer::{Answer, Introspected, Writer};
use crate::content::cipher::TenantCipher;
use crate::content::documents::{Document, lock};
use crate::content::mutation;
use crate::content::planning::{Asked, Planned};
use crate::content::releases::{Release, RoleApi};
use crate::content::splice::{Splice, new_marker};
use crate::content::trace::Trace;
use crate::http::accept::Style;
use crate::http::failure::Failure;
use crate::objects::{ObjectError, Signing};
use crate::state::State;

/// Before a sealed answer; no JSON begins like this.
const SEALED: &str = "sealed:";
/// What a kept answer is bound to. Who can exchange two of them can also exchange their keys and fingerprints.
const KEPT_ANSWER: &str = "freehold:kept-answer";

/// Who asks whom, and until when.
pub struct Setting {
    /// The process.
    pub state: Arc<State>,
    /// Whose database.
    pub tenant: Arc<Tenant>,
    /// On which release.
    pub release: Arc<Release>,
    /// What the caller's roles see of it.
    pub role_api: Arc<RoleApi>,
    /// Who asks.
    pub caller: Arc<Caller>,
    /// Who counts as the author of what is written.
    pub author: Uuid,
    /// The request's id.
    pub request_id: String,
    /// Under which name the answers of writes are kept, when the client wants that.
    pub answer_key: Option<AnswerKey>,
    /// When the answer is due.
    pub deadline: Instant,
    /// How the answer is dressed.
    pub style: Style,
    /// Notes for a caller who asked for them and may have them.
    pub trace: Option<Arc<Trace>>,
}

/// A plan with its statements as the executor takes them.
pub struct ReadyPlan {
    /// The compiler's plan.
    pub plan: Plan,
    /// Statements of each root field of a mutation; of a query, one item for all.
    pub roots: Vec<ReadyRoot>,
    /// Whether it encrypts or decrypts.
    pub needs_cipher: bool,
}

/// Statements of a root field, in the order in which its plan has them.
pub enum ReadyRoot {
    /// Of a write or a query.
    Statements(Vec<Arc<SqlStatement>>),
    /// Of several root fields in one transaction.
    Transaction {
        /// Sent first.
        defer: Option<Arc<SqlStatement>>,
        /// Each field's.
        roots: Vec<ReadyRoot>,
    },
}

impl ReadyRoot {
    fn of_query(query: &QueryPlan) -> Self {
        Self::Statements(query.statement.iter().map(ready).collect())
    }

    fn new(root: &MutationRoot) -> Self {
        match &root.value {
            MutationRootValue::Write(write) => Self::Statements(write.statements().map(ready).collect()),
            MutationRootValue::Query(query) => Self::of_query(query),
            MutationRootValue::Transaction(transaction) => Self::Transaction {
                defer: transaction.defer.as_ref().map(ready),
                roots: transaction.roots.iter().map(Self::new).collect(),
            },
            MutationRootValue::Object(_) | MutationRootValue::Constant(_) | MutationRootValue::Result(_) => {
                Self::Statements(Vec::new())
            }
        }
    }

    /// The statement of a query.
    pub fn first(&self) -> Option<&Arc<SqlStatement>> {
        match self {
            Self::Statements(statements) => statements.first(),
            Self::Transaction { .. } => None,
        }
    }
}

fn ready(statement: &Statement) -> Arc<SqlStatement> {
    Arc::new(SqlStatement::new(statement))
}

/// Everything of one run that binds are filled from.
pub struct Values {
    /// The request's variables.
    pub variables: Variables,
    /// Who asks.
    pub caller: Arc<Caller>,
    /// What is recorded of a write: [`BindContext::authorship`].
    pub authorship: String,
    /// New primary keys.
    pub new_ids: Vec<Uuid>,
    /// The request's instant.
    pub now: DateTime<Utc>,
    now_text: String,
    /// Random, see [`Splice`].
    pub marker: String,
    /// Of the tenant, when the plan needs it.
    pub cipher: Option<TenantCipher>,
    /// JSON of the signed URLs, as the plan of a mutation asks for them.
    pub objects: Vec<String>,
}

impl ReadyPlan {
    /// Makes the statements of a plan ready to run.
    pub fn new(plan: Plan) -> Self {
        let roots = match &plan {
            Plan::Query(query) => vec![ReadyRoot::of_query(query)],
            Plan::Mutation(mutation) => mutation.roots.iter().map(ReadyRoot::new).collect(),
        };
        let needs_cipher = plan.needs_cipher();
        Self { plan, roots, needs_cipher }
    }
}

impl Values {
    /// For one run of a plan.
    pub fn new(plan: &Plan, variables: Variables, caller: Arc<Caller>, authorship: String, cipher: Option<TenantCipher>) -> Self {
        let now = Utc::now();
        let new_ids = match plan {
            Plan::Query(_) => Vec::new(),
            Plan::Mutation(plan) => {
                let new_id = if plan.uuid_v7 { Uuid::now_v7 } else { Uuid::new_v4 };
                std::iter::repeat_with(new_id).take(plan.n_new_ids).collect()
            }
        };
        let now_text = now.to_rfc3339_opts(SecondsFormat::Micros, true);
        Self { variables, caller, authorship, new_ids, now, now_text, marker: new_marker(), cipher, objects: Vec::new() }
    }

    /// An answer as it may be kept in the database: sealed when it may hold what is encrypted there.
    pub fn sealed_answer(&self, json: String) -> String {
        match &self.cipher {
            Some(cipher) => format!("{SEALED}{}", HEXLOWER.encode(&cipher.seal_text(KEPT_ANSWER, &json))),
            None => json,
        }
    }

    /// The JSON of an answer that was kept; None when it does not open.
    pub fn opened_answer(&self, kept: String) -> Option<String> {
        match kept.strip_prefix(SEALED) {
            Some(sealed) => self.cipher.as_ref()?.open_text(KEPT_ANSWER, &HEXLOWER.decode(sealed.as_bytes()).ok()?),
            None => Some(kept),
        }
    }

    /// For binding a statement.
    pub fn context<'a>(&'a self, steps: &'a StepOutputs) -> BindContext<'a> {
        BindContext {
            variables: &self.variables,
            caller: &self.caller,
            new_ids: &self.new_ids,
            now: &self.now_text,
            authorship: &self.authorship,
            marker: &self.marker,
            cipher: self.cipher.as_ref().map(|cipher| cipher as &dyn Cipher),
            steps,
        }
    }
}

impl Setting {
    /// Runs what a request asks for.
    pub async fn run(self: &Arc<Self>, asked: Asked, variables: Map<String, Value>) -> Result<Answer, Failure> {
        let Planned { document, variables: coerced, plan } = self.planned(asked, &variables).await?;
        let authorship = match &plan.plan {
            Plan::Query(_) => String::new(),
            Plan::Mutation(_) => {
                let operation_name = document.prepared.operation_name().unwrap_or_default();
                format!("{} {} {operation_name}", self.author, self.request_id)
            }
        };
        let cipher = if plan.needs_cipher { Some(self.cipher().await?) } else { None };
        let mut values = Values::new(&plan.plan, coerced, Arc::clone(&self.caller), authorship, cipher);
        if let Plan::Mutation(mutation) = &plan.plan {
            values.objects = self.signed(mutation, &values).await?;
        }
        let values = Arc::new(values);
        match &plan.plan {
            Plan::Query(query) => {
                let introspected = self.introspect(&document, query, &variables).await?;
                let statement = plan.roots.first().and_then(ReadyRoot::first);
                let data = self.query(query, statement, &values, &introspected, None).await?;
                Ok(data.finish())
            }
            Plan::Mutation(_) => mutation::run(self, &document, &plan, &values).await,
        }
    }

    /// The answers to a mutation's requests for signed URLs. They come before its writes, which so are not begun when one is refused.
    async fn signed(&self, mutation: &MutationPlan, values: &Values) -> Result<Vec<String>, Failure> {
        let mut answers = Vec::with_capacity(mutation.objects.len());
        for request in &mutation.objects {
            let signing = Signing {
                store: self.state.objects.as_ref().ok_or(Failure::Internal)?,
                tenant: self.tenant.id(),
                rules: self.role_api.permissions.objects(),
                variables: &values.variables,
                now: values.now,
            };
            let answer = timeout_at(self.deadline.into(), signing.answer(request)).await;
            answers.push(answer.unwrap_or(Err(ObjectError::Unavailable)).map_err(Failure::Object)?);
        }
        Ok(answers)
    }

    /// Runs a query's statement and writes its root fields. `root` is the mutation's root field that the query is.
    pub async fn query(
        &self,
        query: &QueryPlan,
        statement: Option<&Arc<SqlStatement>>,
        values: &Values,
        introspected: &Introspected,
        root: Option<&str>,
    ) -> Result<Writer, Failure> {
        let rows = match (statement, &query.statement) {
            (Some(sql), Some(statement)) => {
                let steps = StepOutputs::new();
                let binds = statement.bind(&values.context(&steps)).map_err(|error| Failure::Operation(vec![error]))?;
                self.read(sql, binds, root).await?
            }
            _ => Vec::new(),
        };
        self.written(query, &rows, values, introspected)
    }

    /// Writes the root fields of a query from its rows.
    pub fn written(
        &self,
        query: &QueryPlan,
        rows: &[Row],
        values: &Values,
        introspected: &Introspected,
    ) -> Result<Writer, Failure> {
        let mut writer = Writer::new(self.style, size_of(rows));
        writer.roots(&query.roots, rows, introspected, values)?;
        writer.splice(&self.splice(values, &query.slots))?;
        Ok(writer)
    }

    /// What replaces markers in an answer.
    pub fn splice<'a>(&'a self, values: &'a Values, slots: &'a [Slot]) -> RequestSplice<'a> {
        RequestSplice { setting: self, values, slots }
    }

    async fn cipher(&self) -> Result<TenantCipher, Failure> {
        let key = self.tenant.data_key(self.deadline).await.map_err(Failure::Execute)?;
        Ok(TenantCipher::new(self.tenant.id(), key))
    }

    /// Answers of `__schema` and `__type`. An answer that depends on nothing but the document is kept: it costs more than a hundred queries.
    async fn introspect(
        &self,
        document: &Arc<Document>,
        query: &QueryPlan,
        variables: &Map<String, Value>,
    ) -> Result<Introspected, Failure> {
        if !has_introspection(&query.roots) {
            return Ok(Introspected::default());
        }
        let is_fixed = variables.is_empty();
        if let Some(known) = lock(&document.introspection).clone().filter(|_| is_fixed) {
            return Ok(known);
        }
        let (role_api, for_thread, variables) = (Arc::clone(&self.role_api), Arc::clone(document), variables.clone());
        let answered = tokio::task::spawn_blocking(move || {
            let types = role_api.type_system()?;
            types.answer(for_thread.text(), for_thread.operation_name(), &variables)
        });
        let data = answered
            .await
            .map_err(|_| Failure::Internal)?
            .map_err(|reason| Failure::Execute(ExecuteError::Internal { reason }))?;
        let introspected = Introspected::from(data);
        if is_fixed {
            *lock(&document.introspection) = Some(introspected.clone());
        }
        Ok(introspected)
    }
}

/// A [`Splice`] made when it is needed: deriving the tenant's key is not free.
pub struct RequestSplice<'a> {
    setting: &'a Setting,
    values: &'a Values,
    slots: &'a [Slot],
}

impl RequestSplice<'_> {
    /// The text with its values.
    ///
    /// # Errors
    /// See [`Splice::apply`]: stored values that nobody but an intruder can have made.
    pub fn apply(&self, text: Vec<u8>) -> Result<Vec<u8>, Failure> {
        if self.slots.is_empty() {
            return Ok(text);
        }
        let state = &self.setting.state;
        let signer = state.image_signer.tenant(self.setting.tenant.id());
        let splice = Splice {
            marker: &self.values.marker,
            slots: self.slots,
            variables: &self.values.variables,
            signer: &signer,
            cipher: self.values.cipher.as_ref(),
            public_url: &state.images_url,
            now: self.values.now,
        };
        splice.apply(text).map_err(|error| Failure::Execute(ExecuteError::Internal { reason: error.to_string() }))
    }
}

fn has_introspection(roots: &[Root]) -> bool {
    roots.iter().any(|root| match &root.value {
        RootValue::Introspection => true,
        RootValue::Object(roots) => has_introspection(roots),
        RootValue::Row(..) | RootValue::Items(_) | RootValue::Constant(_) | RootValue::Validation(..) | RootValue::Failed(_) => {
            false
        }
    })
}

fn size_of(rows: &[Row]) -> usize {
    rows.iter().map(|row| row.value.len() + 64).sum()
}

/// For places where a row must exist.
pub fn missing_row() -> Failure {
    Failure::Execute(ExecuteError::Internal {
        reason: "a statement returned fewer rows than its plan has root fields".to_owned(),
    })
}

/// For values that are not what the plan says.
pub fn malformed(error: Malformed) -> Failure {
    Failure::Execute(ExecuteError::Internal { reason: error.to_string() })
}

/// The value of one row.
pub fn value_of(rows: &[Row], ordinal: i32) -> Result<&Bytes, Failure> {
    // One row for each ordinal, ascending: usually at its own index.
    let guess = usize::try_from(ordinal).ok().and_then(|index| rows.get(index)).filter(|row| row.ordinal == ordinal);
    guess.or_else(|| rows.iter().find(|row| row.ordinal == ordinal)).map(|row| &row.value).ok_or_else(missing_row)
}

//! From a request's text to a plan: from the caches, or made on a thread that may take its time.

use std::sync::Arc;

use freehold_compiler::coerce::Variables;
use freehold_compiler::compile::{compile, compile_one_by_one};
use freehold_compiler::literals::{Literals, Outline};
use freehold_compiler::plan::Plan;
use freehold_compiler::prepare::{Prepared, prepare};
use serde_json::{Map, Value};

use crate::content::documents::Document;
use crate::content::execute::{ReadyPlan, Setting, Values};
use crate::http::failure::Failure;
use crate::http::request::GraphqlRequest;

/// What a request asks for.
pub struct Asked {
    /// The document, perhaps one that was prepared from another text with the same outline.
    pub document: Arc<Document>,
    shared: Option<Shared>,
}

/// The request's own text, and its literals for the document that it shares.
struct Shared {
    text: String,
    operation_name: Option<String>,
    literals: Literals,
}

/// A plan, and the variables to run it with.
pub struct Planned {
    /// The document that was planned.
    pub document: Arc<Document>,
    /// The request's variables and literals.
    pub variables: Variables,
    /// What to run.
    pub plan: Arc<ReadyPlan>,
}

impl Setting {
    /// The document of a request.
    pub async fn document(&self, request: &mut GraphqlRequest) -> Result<Asked, Failure> {
        let _compiling = self.compiling();
        let (api, documents) = (self.role_api.number, &self.state.documents);
        if let Some(document) = documents.get(api, &request.query, request.operation_name.as_deref()) {
            self.state.telemetry.plan_hit();
            return Ok(Asked { document, shared: None });
        }
        let (text, operation_name) = (std::mem::take(&mut request.query), request.operation_name.take());
        let outline = Outline::of(&text, &self.state.limits).filter(|outline| !outline.is_whole());
        if let Some(outline) = &outline
            && let Some(document) = documents.get(api, &outline.text, operation_name.as_deref())
            && let Some(literals) = document.prepared.literals(outline)
        {
            self.state.telemetry.plan_hit();
            return Ok(Asked { document, shared: Some(Shared { text, operation_name, literals }) });
        }
        self.state.telemetry.plan_miss();
        self.prepare(text, operation_name, outline).await
    }

    async fn prepare(&self, text: String, operation_name: Option<String>, outline: Option<Outline>) -> Result<Asked, Failure> {
        let (state, role_api) = (Arc::clone(&self.state), Arc::clone(&self.role_api));
        let prepared = tokio::task::spawn_blocking(move || {
            let api = &role_api.api;
            let prepared = prepare(api, &text, operation_name.as_deref(), &state.limits).map_err(Failure::Document)?;
            let keep = |key, name, prepared| state.documents.insert(role_api.number, key, name, prepared);
            Ok(match outline.and_then(|outline| share(api, &prepared, outline)) {
                None => Asked { document: keep(text, operation_name, prepared), shared: None },
                Some((prepared, literals, outline)) => {
                    let document = keep(outline.text, operation_name.clone(), prepared);
                    Asked { document, shared: Some(Shared { text, operation_name, literals }) }
                }
            })
        });
        prepared.await.unwrap_or(Err(Failure::Internal))
    }

    /// The plan for the request's variables.
    pub async fn planned(&self, asked: Asked, variables: &Map<String, Value>) -> Result<Planned, Failure> {
        let _compiling = self.compiling();
        let Asked { document, shared } = asked;
        let literals = shared.as_ref().map(|shared| &shared.literals);
        let planned = self.plan_of(document, literals, variables).await;
        match (planned, shared) {
            // An error that names a place in the text must name one in the caller's own.
            (Err(Failure::Document(_) | Failure::Operation(_)), Some(Shared { text, operation_name, .. })) => {
                self.planned_alone(text, operation_name, variables).await
            }
            (Ok(planned), Some(Shared { text, operation_name, .. })) if names_a_place(&planned.plan.plan) => {
                self.planned_alone(text, operation_name, variables).await
            }
            (planned, _) => planned,
        }
    }

    /// Plans a text as if it shared nothing. Nothing is kept of it.
    async fn planned_alone(
        &self,
        text: String,
        operation_name: Option<String>,
        variables: &Map<String, Value>,
    ) -> Result<Planned, Failure> {
        let (state, role_api) = (Arc::clone(&self.state), Arc::clone(&self.role_api));
        let document = tokio::task::spawn_blocking(move || {
            let prepared = prepare(&role_api.api, &text, operation_name.as_deref(), &state.limits).map_err(Failure::Document)?;
            Ok(Arc::new(Document::new(role_api.number, text, operation_name, prepared)))
        });
        let document = document.await.unwrap_or(Err(Failure::Internal))?;
        self.plan_of(document, None, variables).await
    }

    async fn plan_of(
        &self,
        document: Arc<Document>,
        literals: Option<&Literals>,
        variables: &Map<String, Value>,
    ) -> Result<Planned, Failure> {
        let mut variables = document.prepared.coerce(&self.role_api.api, variables).map_err(Failure::Document)?;
        if let Some(literals) = literals {
            variables = variables.with_literals(literals);
        }
        if let Some(plan) = document.plan(self.caller.shape(), variables.shape()) {
            return Ok(Planned { document, variables, plan });
        }
        let (release, role_api, caller) = (Arc::clone(&self.release), Arc::clone(&self.role_api), Arc::clone(&self.caller));
        let most = self.state.documents.plans_per_document();
        let compiled = tokio::task::spawn_blocking(move || {
            let prepared = &document.prepared;
            let plan = compile(&release.schema, &role_api.permissions, &role_api.api, prepared, &variables, &caller);
            let plan = ReadyPlan::new(plan.map_err(Failure::Operation)?);
            let plan = document.insert_plan(caller.shape(), variables.shape(), plan, most);
            Ok(Planned { document, variables, plan })
        });
        compiled.await.unwrap_or(Err(Failure::Internal))
    }

    /// The plan of a mutation that writes one row after the other, for these values. Not kept: it is large, and asked for when something is wrong with a row.
    pub async fn one_by_one(&self, document: &Arc<Document>, values: &Arc<Values>) -> Result<Arc<ReadyPlan>, Failure> {
        let _compiling = self.compiling();
        let (release, role_api, caller) = (Arc::clone(&self.release), Arc::clone(&self.role_api), Arc::clone(&self.caller));
        let (document, values) = (Arc::clone(document), Arc::clone(values));
        let compiled = tokio::task::spawn_blocking(move || {
            let (prepared, variables) = (&document.prepared, &values.variables);
            compile_one_by_one(&release.schema, &role_api.permissions, &role_api.api, prepared, variables, &caller)
        });
        let plan = compiled.await.map_err(|_| Failure::Internal)?.map_err(Failure::Operation)?;
        Ok(Arc::new(ReadyPlan::new(plan)))
    }
}

/// A document without the literals of the text that it was prepared from, and these.
fn share(api: &freehold_compiler::api::Api, prepared: &Prepared, outline: Outline) -> Option<(Prepared, Literals, Outline)> {
    let shared = prepared.share(api, &outline)?;
    let literals = shared.literals(&outline)?;
    Some((shared, literals, outline))
}

/// Whether an answer of the plan holds a place in the document.
fn names_a_place(plan: &Plan) -> bool {
    match plan {
        Plan::Query(query) => query.fails(),
        Plan::Mutation(mutation) => mutation.fails(),
    }
}

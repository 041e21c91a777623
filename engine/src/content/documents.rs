//! Documents that were seen before, with the plans made for them: what makes a request cheap (ARCHITECTURE D5).

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use freehold_compiler::prepare::Prepared;
use lru::LruCache;

use crate::content::answer::Introspected;
use crate::content::execute::ReadyPlan;

/// Prepared documents of all APIs, bounded in number and in bytes of text.
pub struct Documents {
    most: usize,
    most_bytes: usize,
    plans_per_document: usize,
    hasher: RandomState,
    known: Mutex<Known>,
}

struct Known {
    documents: LruCache<u64, Arc<Document>>,
    bytes: usize,
}

/// One document as one API understands it.
pub struct Document {
    api: u64,
    /// The key: a text, or the outline of several.
    text: String,
    operation_name: Option<String>,
    /// Parsed and validated.
    pub prepared: Prepared,
    /// Few, so looked through in order; the most recently used is first.
    plans: Mutex<Vec<(Shapes, Arc<ReadyPlan>)>>,
    /// The answer of an introspection without variables.
    pub introspection: Mutex<Option<Introspected>>,
}

/// Everything outside the document that changes SQL text.
#[derive(PartialEq, Eq)]
struct Shapes {
    caller: String,
    variables: String,
}

impl Documents {
    /// Keeps at most `most` documents of at most `most_bytes` together.
    pub fn new(most: usize, most_bytes: usize, plans_per_document: usize) -> Self {
        Self {
            most: most.max(1),
            most_bytes,
            plans_per_document: plans_per_document.max(1),
            hasher: RandomState::new(),
            known: Mutex::new(Known { documents: LruCache::unbounded(), bytes: 0 }),
        }
    }

    /// The document if it was seen before.
    pub fn get(&self, api: u64, text: &str, operation_name: Option<&str>) -> Option<Arc<Document>> {
        let hash = self.hasher.hash_one((api, text, operation_name));
        let document = lock(&self.known).documents.get(&hash).cloned();
        document.filter(|document| {
            document.api == api && document.text == text && document.operation_name.as_deref() == operation_name
        })
    }

    /// Keeps a document that was just prepared.
    pub fn insert(&self, api: u64, text: String, operation_name: Option<String>, prepared: Prepared) -> Arc<Document> {
        let hash = self.hasher.hash_one((api, text.as_str(), operation_name.as_deref()));
        let size = text.len();
        let document = Arc::new(Document::new(api, text, operation_name, prepared));
        // One that is a good part of the whole room would only push out the others.
        if size > self.most_bytes / 16 {
            return document;
        }
        let mut known = lock(&self.known);
        known.bytes += size;
        if let Some(old) = known.documents.put(hash, Arc::clone(&document)) {
            known.bytes -= old.text.len();
        }
        while known.bytes > self.most_bytes || known.documents.len() > self.most {
            let Some((_, old)) = known.documents.pop_lru() else { break };
            known.bytes -= old.text.len();
        }
        document
    }

    /// Plans that one document may have.
    pub fn plans_per_document(&self) -> usize {
        self.plans_per_document
    }
}

impl Document {
    /// A document without plans.
    pub fn new(api: u64, text: String, operation_name: Option<String>, prepared: Prepared) -> Self {
        Self { api, text, operation_name, prepared, plans: Mutex::default(), introspection: Mutex::default() }
    }

    /// The text, or the outline of all texts that share the document.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Which of its operations.
    pub fn operation_name(&self) -> Option<&str> {
        self.operation_name.as_deref()
    }

    /// The plan for these shapes if there is one.
    pub fn plan(&self, caller: &str, variables: &str) -> Option<Arc<ReadyPlan>> {
        let mut plans = lock(&self.plans);
        let at = plans.iter().position(|(shapes, _)| shapes.variables == variables && shapes.caller == caller)?;
        plans[..=at].rotate_right(1);
        plans.first().map(|(_, plan)| Arc::clone(plan))
    }

    /// Keeps a plan.
    pub fn insert_plan(&self, caller: &str, variables: &str, plan: ReadyPlan, most: usize) -> Arc<ReadyPlan> {
        let plan = Arc::new(plan);
        let mut plans = lock(&self.plans);
        plans.insert(0, (Shapes { caller: caller.to_owned(), variables: variables.to_owned() }, Arc::clone(&plan)));
        plans.truncate(most);
        plan
    }
}

pub fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

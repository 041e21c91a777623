//! Callers by their token: verified once, then found again by its text.

use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::Utc;
use freehold_compiler::caller::{Caller, Membership};
use freehold_ids::ReleaseId;
use freehold_schema::Schema;
use freehold_schema::names::{RoleName, VariableName};
use freehold_tokens::caller::{self, CallerClaims};
use freehold_tokens::{Keyring, TokenError};
use lru::LruCache;

/// Verified tokens. A signature costs more than all the rest of a small query's work here.
pub struct Sessions {
    keys: Keyring,
    // By a keyed hash, so that the map itself holds no token to compare with in variable time; the session is compared as a whole.
    known: Mutex<LruCache<u64, Arc<Session>>>,
    hasher: RandomState,
}

/// A verified token.
pub struct Session {
    token: String,
    /// What it states.
    pub claims: CallerClaims,
    memberships: Vec<Membership>,
    /// The caller under the release it last met.
    caller: Mutex<Option<(ReleaseId, Arc<Caller>)>>,
}

impl Sessions {
    /// Keeps at most `most` tokens.
    pub fn new(keys: Keyring, most: usize) -> Self {
        let most = NonZeroUsize::new(most).unwrap_or(NonZeroUsize::MIN);
        Self { keys, known: Mutex::new(LruCache::new(most)), hasher: RandomState::new() }
    }

    /// The session of a token that is valid now.
    pub fn verify(&self, token: &str) -> Result<Arc<Session>, TokenError> {
        let now = Utc::now();
        let hash = self.hasher.hash_one(token);
        let known = lock(&self.known).get(&hash).cloned();
        if let Some(session) = known.filter(|session| session.token == token) {
            return if now < session.claims.expires_at { Ok(session) } else { Err(TokenError::Expired) };
        }
        let claims = caller::verify(&self.keys, token, now)?;
        let memberships = claims.roles.iter().map(|grant| Membership {
            role: RoleName::new(&grant.role),
            variables: grant.variables.iter().map(|(name, values)| (VariableName::new(name), values.clone())).collect(),
        });
        let memberships = memberships.collect();
        let session = Arc::new(Session { token: token.to_owned(), claims, memberships, caller: Mutex::default() });
        lock(&self.known).put(hash, Arc::clone(&session));
        Ok(session)
    }
}

impl Session {
    /// Who asks, under a release: roles it does not know are ignored.
    pub fn caller(&self, release: &ReleaseId, schema: &Schema) -> Arc<Caller> {
        let mut known = lock(&self.caller);
        if let Some((_, caller)) = known.as_ref().filter(|(id, _)| id == release) {
            return Arc::clone(caller);
        }
        let caller = Arc::new(Caller::resolve_stored(schema, Some(self.claims.subject), &self.memberships));
        *known = Some((release.clone(), Arc::clone(&caller)));
        caller
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

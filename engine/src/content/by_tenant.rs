//! What is kept in memory for tenants under ids that callers choose: found by its own tenant only, bounded over all of them.

use std::hash::{BuildHasher, RandomState};
use std::sync::Mutex;

use freehold_ids::TenantId;
use lru::LruCache;

use crate::content::documents::lock;

/// Values by tenant and id, the most recently used ones. A tenant that nobody asks for costs nothing.
pub struct ByTenant<V> {
    most: usize,
    most_bytes: usize,
    // By a keyed hash, so that nothing need be copied to look; tenant and id are compared as a whole.
    hasher: RandomState,
    known: Mutex<Known<V>>,
}

struct Known<V> {
    entries: LruCache<u64, Entry<V>>,
    bytes: usize,
}

struct Entry<V> {
    tenant: TenantId,
    id: Box<str>,
    bytes: usize,
    value: V,
}

impl<V: Clone> ByTenant<V> {
    /// Keeps at most `most` values of at most `most_bytes` together.
    pub fn new(most: usize, most_bytes: usize) -> Self {
        let known = Known { entries: LruCache::unbounded(), bytes: 0 };
        Self { most, most_bytes, hasher: RandomState::new(), known: Mutex::new(known) }
    }

    /// What the tenant has under the id.
    pub fn get(&self, tenant: TenantId, id: &str) -> Option<V> {
        let hash = self.hasher.hash_one((tenant, id));
        let mut known = lock(&self.known);
        let entry = known.entries.get(&hash).filter(|entry| entry.tenant == tenant && *entry.id == *id);
        entry.map(|entry| entry.value.clone())
    }

    /// Keeps a value of `bytes`.
    pub fn insert(&self, tenant: TenantId, id: &str, value: V, bytes: usize) {
        let bytes = bytes + id.len();
        // One that is a good part of the whole room would only push out the others.
        if bytes > self.most_bytes / 16 {
            return;
        }
        let hash = self.hasher.hash_one((tenant, id));
        let mut known = lock(&self.known);
        known.bytes += bytes;
        if let Some(old) = known.entries.put(hash, Entry { tenant, id: id.into(), bytes, value }) {
            known.bytes -= old.bytes;
        }
        while known.bytes > self.most_bytes || known.entries.len() > self.most {
            let Some((_, old)) = known.entries.pop_lru() else { break };
            known.bytes -= old.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_finds_its_own_values_alone() {
        let values = ByTenant::new(10, 1000);
        let (acme, globex) = (TenantId::generate(), TenantId::generate());
        values.insert(acme, "a", 1, 1);
        assert_eq!((values.get(acme, "a"), values.get(globex, "a"), values.get(acme, "b")), (Some(1), None, None));
        values.insert(acme, "a", 2, 1);
        assert_eq!(values.get(acme, "a"), Some(2));
    }

    #[test]
    fn the_least_recently_used_are_forgotten() {
        let tenant = TenantId::generate();
        let values = ByTenant::new(2, 1000);
        for (id, value) in [("a", 1), ("b", 2)] {
            values.insert(tenant, id, value, 1);
        }
        values.get(tenant, "a");
        values.insert(tenant, "c", 3, 1);
        assert_eq!(["a", "b", "c"].map(|id| values.get(tenant, id)), [Some(1), None, Some(3)]);
        let none = ByTenant::new(0, 1000);
        none.insert(tenant, "a", 1, 1);
        assert_eq!(none.get(tenant, "a"), None);
    }

    #[test]
    fn bytes_are_bounded_and_counted_back() {
        let tenant = TenantId::generate();
        let values = ByTenant::new(1000, 1600);
        values.insert(tenant, "large", 0, 100);
        assert_eq!(values.get(tenant, "large"), None, "it would have a good part of the room");
        for round in 0..100 {
            values.insert(tenant, &format!("{round:02}"), round, 98);
        }
        let kept = (0..100).filter(|round| values.get(tenant, &format!("{round:02}")).is_some()).count();
        assert_eq!((kept, lock(&values.known).bytes), (16, 1600));
    }
}

//! Which object a request to read means.

use freehold_ids::{ObjectKey, ObjectKeyError, TenantId};
use percent_encoding::percent_decode_str;

use super::ObjectError;

/// Whether the text is an address rather than a key.
pub fn is_url(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

/// The object of this key, which may be given with the tenant's own prefix.
pub fn key(tenant: TenantId, text: &str) -> Result<ObjectKey, ObjectError> {
    ObjectKey::read(tenant, text).map_err(|error| match error {
        ObjectKeyError::TenantPrefix => foreign(tenant, text),
        other => other.into(),
    })
}

/// The object of an address as uploads answer it in `publicUrl`. `base` is what addresses of all objects begin with.
pub fn key_of_url(tenant: TenantId, url: &str, base: &str) -> Result<ObjectKey, ObjectError> {
    let path = url.strip_prefix(base).and_then(|path| path.split(['?', '#']).next());
    let name = path.and_then(|path| percent_decode_str(path).decode_utf8().ok()).ok_or_else(|| foreign(tenant, url))?;
    let own = name.strip_prefix(&prefix(tenant)).ok_or_else(|| foreign(tenant, url))?;
    Ok(ObjectKey::new(tenant, own)?)
}

fn foreign(tenant: TenantId, given: &str) -> ObjectError {
    ObjectError::Foreign { given: given.to_owned(), prefix: prefix(tenant) }
}

fn prefix(tenant: TenantId) -> String {
    format!("{tenant}/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_addresses_name_objects_of_the_tenant() {
        let (tenant, base) = (TenantId::generate(), "https://media.s3.example/");
        let object = ObjectKey::new(tenant, "photos/a b.jpg").unwrap();
        assert_eq!(key(tenant, "photos/a b.jpg"), Ok(object.clone()));
        assert_eq!(key(tenant, &format!("{tenant}/photos/a b.jpg")), Ok(object.clone()));
        for end in ["", "?X-Amz-Signature=1", "#x"] {
            assert_eq!(key_of_url(tenant, &format!("{base}{tenant}/photos/a%20b.jpg{end}"), base), Ok(object.clone()));
        }
    }

    #[test]
    fn what_belongs_to_others_is_refused_the_same_whether_it_exists_or_not() {
        let (tenant, other, base) = (TenantId::generate(), TenantId::generate(), "https://media.s3.example/");
        let foreign = |error: ObjectError| (error.code(), error.status());
        let expected = ("OBJECT_KEY_FOREIGN", 403);
        assert_eq!(foreign(key(tenant, &format!("{other}/photos/a.jpg")).unwrap_err()), expected);
        for url in [
            format!("{base}{other}/photos/a.jpg"),
            format!("{base}photos/a.jpg"),
            format!("{base}{tenant}2/photos/a.jpg"),
            format!("https://elsewhere.example/{tenant}/a.jpg"),
            format!("{base}{tenant}%FF/a.jpg"),
            format!("{base}%2e%2e/{tenant}/a.jpg"),
        ] {
            assert_eq!(foreign(key_of_url(tenant, &url, base).unwrap_err()), expected, "{url}");
        }
        let message = key(tenant, &format!("{other}/a")).unwrap_err().to_string();
        assert_eq!(message, format!("Given object key \"{other}/a\" does not start with a project prefix \"{tenant}/\""));
        for url in [format!("{base}{tenant}/%2e%2e/{other}/a.jpg"), format!("{base}{tenant}/a%00b"), format!("{base}{tenant}/")] {
            assert_eq!(key_of_url(tenant, &url, base).unwrap_err().code(), "OBJECT_KEY_INVALID", "{url}");
        }
    }
}

//! What a request to upload asks for: the key of the object to be, and the headers that its upload must have.

use freehold_compiler::coerce::Variables;
use freehold_compiler::objects::UploadArguments;
use freehold_compiler::permissions::ObjectRules;
use freehold_compiler::selection::Input;
use freehold_ids::{ObjectKey, TenantId};
use freehold_schema::acl::UploadGrant;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use uuid::Uuid;

use super::{ObjectError, media};

/// Longest name in `Content-Disposition`, in bytes.
const MAX_FILE_NAME: usize = 255;
/// Everything but `attr-char` of RFC 5987, 3.2.1.
const NOT_ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// An upload that can be signed once it is permitted.
#[derive(Debug, PartialEq, Eq)]
pub struct Upload {
    /// The object to be.
    pub key: ObjectKey,
    /// `Content-Type`
    pub content_type: String,
    /// `Content-Disposition`
    pub disposition: Option<String>,
    /// Bytes of the object.
    pub size: Option<i64>,
}

impl Upload {
    /// Reads the arguments. The key is new, whatever is asked for: nobody gets an address to replace an object with.
    pub fn new(arguments: &UploadArguments, variables: &Variables, tenant: TenantId, id: Uuid) -> Result<Self, ObjectError> {
        // An empty text is one that was not given, as in the contract.
        let text = |input: &Input| input.to_text(variables).filter(|text| !text.is_empty());
        if text(&arguments.acl).is_some_and(|acl| acl != "NONE") {
            return Err(ObjectError::Acl);
        }
        let content_type = text(&arguments.content_type).unwrap_or_else(|| media::UNKNOWN.to_owned());
        if !media::is_media_type(&content_type) {
            return Err(ObjectError::Argument("`contentType` is a media type such as `image/jpeg`"));
        }
        let size = arguments.size.to_int(variables);
        if size.is_some_and(|size| size < 0) {
            return Err(ObjectError::Argument("`size` is a number of bytes, at least 0"));
        }
        let suffix = text(&arguments.suffix).unwrap_or_default();
        let extension = text(&arguments.extension).unwrap_or_else(|| media::extension(&content_type).to_owned());
        if suffix.contains('/') || extension.contains('/') {
            return Err(ObjectError::Argument("`suffix` and `extension` have no slashes; folders are named by `prefix`"));
        }
        let prefix = text(&arguments.prefix).map(|prefix| prefix + "/").unwrap_or_default();
        Ok(Self {
            key: ObjectKey::new(tenant, &format!("{prefix}{id}{suffix}.{extension}"))?,
            disposition: disposition(text(&arguments.content_disposition), text(&arguments.file_name))?,
            content_type,
            size,
        })
    }

    /// Whether the rules allow it.
    pub fn permit(&self, rules: &ObjectRules) -> Result<(), ObjectError> {
        match (rules.upload(self.key.own()), self.size.map(i64::unsigned_abs)) {
            (None, _) => Err(ObjectError::UploadForbidden(self.key.own().to_owned())),
            (Some(UploadGrant::UpTo(_)), None) => Err(ObjectError::SizeRequired),
            (Some(UploadGrant::UpTo(most)), Some(size)) if size > most => Err(ObjectError::TooLarge),
            (Some(UploadGrant::UpTo(_) | UploadGrant::Unlimited), _) => Ok(()),
        }
    }
}

fn disposition(kind: Option<String>, file_name: Option<String>) -> Result<Option<String>, ObjectError> {
    if kind.is_none() && file_name.is_none() {
        return Ok(None);
    }
    let kind = kind.map_or_else(|| "inline".to_owned(), |kind| kind.to_ascii_lowercase());
    let Some(name) = file_name else { return Ok(Some(kind)) };
    let leads_elsewhere = name.contains(['/', '\\']) || matches!(name.as_str(), "." | "..");
    if leads_elsewhere || name.contains(char::is_control) || name.len() > MAX_FILE_NAME {
        return Err(ObjectError::Argument("`fileName` is a name without slashes and control characters, of at most 255 bytes"));
    }
    Ok(Some(format!("{kind}; filename*=UTF-8''{}", utf8_percent_encode(&name, NOT_ATTR_CHAR))))
}

#[cfg(test)]
mod tests {
    use freehold_compiler::caller::RoleSet;
    use freehold_compiler::permissions::Permissions;
    use freehold_compiler::selection::{Leaf, Source};
    use freehold_schema::Schema;
    use freehold_schema::names::RoleName;
    use serde_json::{Value, json};

    use super::*;

    const ID: Uuid = Uuid::nil();
    const NIL: &str = "00000000-0000-0000-0000-000000000000";

    fn upload(given: &Value) -> Result<Upload, ObjectError> {
        let input = |name: &str| match &given[name] {
            Value::Null => Input::Null,
            value => Input::Leaf(Leaf { value: value.clone(), source: Source::Literal }),
        };
        let arguments = UploadArguments {
            content_type: input("contentType"),
            extension: input("extension"),
            expiration: input("expiration"),
            size: input("size"),
            prefix: input("prefix"),
            suffix: input("suffix"),
            file_name: input("fileName"),
            content_disposition: input("contentDisposition"),
            acl: input("acl"),
        };
        Upload::new(&arguments, &Variables::default(), TenantId::from_uuid(ID), ID)
    }

    #[test]
    fn keys_are_new_ones_at_the_place_that_was_asked_for() {
        let table = [
            (json!({}), format!("{NIL}.bin")),
            (json!({ "contentType": "image/jpeg" }), format!("{NIL}.jpg")),
            (json!({ "contentType": "image/jpeg", "extension": "jpeg" }), format!("{NIL}.jpeg")),
            (json!({ "contentType": "text/x-own", "prefix": "a/b", "suffix": "-c" }), format!("a/b/{NIL}-c.bin")),
            (json!({ "prefix": "", "suffix": "", "extension": "", "contentType": "" }), format!("{NIL}.bin")),
            (json!({ "extension": "tar.gz", "acl": "NONE" }), format!("{NIL}.tar.gz")),
        ];
        for (given, expected) in table {
            assert_eq!(upload(&given).unwrap().key.own(), expected, "{given}");
        }
    }

    #[test]
    fn parts_that_lead_elsewhere_are_refused() {
        let sibling = format!("{}/photos", TenantId::generate());
        let long = "x".repeat(1000);
        for prefix in ["..", "../x", "a/../b", "/a", "a/", "a//b", ".", "a\u{0}", "a\r\nb", &sibling, &long] {
            let error = upload(&json!({ "prefix": prefix })).unwrap_err();
            assert_eq!((error.code(), error.status()), ("OBJECT_KEY_INVALID", 400), "{prefix:?}");
        }
        let table = [
            (json!({ "suffix": "/../../x" }), "BAD_USER_INPUT"),
            (json!({ "suffix": "\u{7f}" }), "OBJECT_KEY_INVALID"),
            (json!({ "extension": "jpg/../../x" }), "BAD_USER_INPUT"),
            (json!({ "extension": "j\npg" }), "OBJECT_KEY_INVALID"),
            (json!({ "contentType": "image/png\r\nx-amz-acl: public-read" }), "BAD_USER_INPUT"),
            (json!({ "contentType": "picture" }), "BAD_USER_INPUT"),
            (json!({ "fileName": "../x" }), "BAD_USER_INPUT"),
            (json!({ "fileName": "a\nb" }), "BAD_USER_INPUT"),
            (json!({ "fileName": "..", "contentDisposition": "INLINE" }), "BAD_USER_INPUT"),
            (json!({ "fileName": "x".repeat(256) }), "BAD_USER_INPUT"),
            (json!({ "size": -1 }), "BAD_USER_INPUT"),
            (json!({ "acl": "PUBLIC_READ" }), "ACL_NOT_SUPPORTED"),
            (json!({ "acl": "PRIVATE" }), "ACL_NOT_SUPPORTED"),
        ];
        for (given, expected) in table {
            assert_eq!(upload(&given).unwrap_err().code(), expected, "{given}");
        }
    }

    #[test]
    fn names_are_told_as_rfc_5987_says() {
        let table = [
            (json!({}), None),
            (json!({ "fileName": "a b.png" }), Some("inline; filename*=UTF-8''a%20b.png")),
            (json!({ "contentDisposition": "ATTACHMENT" }), Some("attachment")),
            (
                json!({ "contentDisposition": "ATTACHMENT", "fileName": "kůň's \"(1)\";*.jpg" }),
                Some("attachment; filename*=UTF-8''k%C5%AF%C5%88%27s%20%22%281%29%22%3B%2A.jpg"),
            ),
        ];
        for (given, expected) in table {
            assert_eq!(upload(&given).unwrap().disposition.as_deref(), expected, "{given}");
        }
    }

    #[test]
    fn rules_decide_about_place_and_size() {
        let text = r#"
            extend schema @role(name: "r", s3: [{ keys: "small/**", upload: true, maxSize: 100 }, { keys: "any/**", upload: true }, { keys: "seen/**", read: true }])
            type A { a: Int }
        "#;
        let schema = Schema::from_sdl("schema.graphql", text).unwrap();
        let permissions = Permissions::new(&schema, &RoleSet::new([RoleName::new("r")]));
        let table = [
            (json!({ "prefix": "small", "size": 100 }), None),
            (json!({ "prefix": "small/deeper", "size": 0 }), None),
            (json!({ "prefix": "small", "size": 101 }), Some(("UPLOAD_TOO_LARGE", "Uploaded file is too large".to_owned()))),
            (json!({ "prefix": "small" }), Some(("UPLOAD_SIZE_REQUIRED", "File size must be provided".to_owned()))),
            (json!({ "prefix": "any" }), None),
            (json!({ "prefix": "any", "size": 2_000_000_000 }), None),
            (
                json!({ "prefix": "seen", "size": 1 }),
                Some(("UPLOAD_FORBIDDEN", format!("Upload access forbidden for object key seen/{NIL}.bin"))),
            ),
            (json!({ "size": 1 }), Some(("UPLOAD_FORBIDDEN", format!("Upload access forbidden for object key {NIL}.bin")))),
        ];
        for (given, expected) in table {
            let permitted = upload(&given).unwrap().permit(permissions.objects());
            let found = permitted.err().map(|error| {
                assert_eq!(error.status(), 403);
                (error.code(), error.to_string())
            });
            assert_eq!(found, expected, "{given}");
        }
    }
}

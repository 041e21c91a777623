//! Signed URLs of the tenant's objects (content API, section 19). Names are the contract's, the odd ones too.

use super::definitions::{enumeration, field, field_with, input_field, input_of, object, plain_fields, ty};
use super::{InputField, Meaning, OutputField, TypeDefinition};

/// Types that only these fields lead to.
pub(super) const TYPES: [&str; 6] =
    ["S3SignedUpload", "S3Header", "S3GenerateSignedUploadInput", "S33ContentDisposition", "S3Acl", "S3SignedRead"];

pub(super) fn types() -> Vec<TypeDefinition> {
    let signed: &[(&str, &str)] = &[
        ("url", "String!"),
        ("headers", "[S3Header!]!"),
        ("method", "String!"),
        ("objectKey", "String!"),
        ("bucket", "String!"),
    ];
    vec![
        object("S3SignedUpload", plain_fields(&[signed, &[("publicUrl", "String!")]].concat())),
        object("S3Header", plain_fields(&[("key", "String!"), ("value", "String!")])),
        input_of("S3GenerateSignedUploadInput", upload_input()),
        enumeration("S33ContentDisposition", &["ATTACHMENT", "INLINE"]),
        enumeration("S3Acl", &["PUBLIC_READ", "PRIVATE", "NONE"]),
        object("S3SignedRead", plain_fields(signed)),
    ]
}

fn upload_input() -> Vec<InputField> {
    let described = |name: &str, text: &str, description: &str| InputField {
        description: Some(description.to_owned()),
        ..input_field(name, ty(text))
    };
    vec![
        input_field("contentType", ty("String")),
        described("extension", "String", "If not provided, extension is detected from a content-type."),
        described("expiration", "Int", "Signed URL expiration."),
        described("size", "Int", "Uploaded file size. Required when you enable ACL size limits."),
        described("prefix", "String", "Can be used as a \"directory\"."),
        described("suffix", "String", "Suffix after generated id and before the extension."),
        described("fileName", "String", "This only affects Content-disposition header. Does not affect actual object key."),
        input_field("contentDisposition", ty("S33ContentDisposition")),
        described("acl", "S3Acl", "If not supported by S3 provider, an error is thrown."),
    ]
}

/// Fields of `Mutation` and of its transactions.
pub(super) fn writes() -> Vec<OutputField> {
    let arguments = [
        ("input", "S3GenerateSignedUploadInput"),
        ("contentType", "String"),
        ("expiration", "Int"),
        ("prefix", "String"),
        ("acl", "S3Acl"),
    ];
    let mut upload = field_with("generateUploadUrl", &arguments, ty("S3SignedUpload!"), Meaning::GenerateUploadUrl);
    for (name, argument) in upload.arguments.iter_mut().skip(1) {
        argument.deprecated = Some(format!("Use input.{name}"));
    }
    let arguments = [("objectKey", "String!"), ("expiration", "Int")];
    vec![upload, field_with("generateReadUrl", &arguments, ty("S3SignedRead!"), Meaning::GenerateReadUrl)]
}

/// Fields of `Query` and of its transaction.
pub(super) fn reads() -> Vec<OutputField> {
    vec![field("s3DummyQuery", ty("String"), Meaning::S3Dummy)]
}

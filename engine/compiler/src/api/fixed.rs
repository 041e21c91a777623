//! Types that do not depend on the schema.

use super::definitions::{
    by_name, definition, enumeration, field, field_with, implementing, input, object, plain, plain_fields, scalar, ty, union,
};
use super::{Meaning, OutputField, ScalarKind, TypeDefinition, TypeKind};

/// Scalars that GraphQL itself has; they are not printed.
pub(super) const BUILT_IN_SCALARS: [(&str, ScalarKind); 5] = [
    ("String", ScalarKind::String),
    ("Boolean", ScalarKind::Boolean),
    ("Int", ScalarKind::Int),
    ("Float", ScalarKind::Float),
    ("ID", ScalarKind::Id),
];

pub(super) fn types() -> Vec<TypeDefinition> {
    let mut types = model_types();
    types.extend(scalar_types());
    types.extend(read_types());
    types.extend(write_types());
    types.extend(image_types());
    types
}

fn scalar_types() -> Vec<TypeDefinition> {
    let decimal = "Arbitrary precision decimal number, transported as a string to avoid floating-point precision loss.";
    vec![
        scalar("Json", ScalarKind::Json, Some("JSON custom scalar type")),
        scalar("Decimal", ScalarKind::Decimal, Some(decimal)),
        scalar("UUID", ScalarKind::Uuid, None),
        scalar("DateTime", ScalarKind::DateTime, None),
        scalar("Date", ScalarKind::Date, None),
        scalar("Time", ScalarKind::Time, None),
    ]
}

/// The model as a client sees it: `schema { … }`.
fn model_types() -> Vec<TypeDefinition> {
    let rules: &[(&str, &str)] = &[("rules", "[_Rule!]!"), ("validators", "[_Validator!]!")];
    let column: &[(&str, &str)] =
        &[("name", "String!"), ("type", "String!"), ("enumName", "String"), ("defaultValue", "Json"), ("nullable", "Boolean!")];
    let relation: &[(&str, &str)] = &[
        ("name", "String!"),
        ("type", "String!"),
        ("side", "_RelationSide!"),
        ("targetEntity", "String!"),
        ("ownedBy", "String"),
        ("inversedBy", "String"),
        ("nullable", "Boolean"),
        ("onDelete", "_OnDeleteBehaviour"),
        ("orphanRemoval", "Boolean"),
        ("orderBy", "[_OrderBy!]"),
    ];
    let common: &[(&str, &str)] = &[("name", "String!"), ("type", "String!"), ("nullable", "Boolean")];
    vec![
        implementing("_Column", &["_Field"], plain_fields(&[column, rules].concat())),
        definition("_Field", TypeKind::Interface { fields: by_name(plain_fields(&[common, rules].concat())) }),
        implementing("_Relation", &["_Field"], plain_fields(&[relation, rules].concat())),
        plain("_Rule", &[("message", "_RuleMessage"), ("validator", "Int!")]),
        plain("_RuleMessage", &[("text", "String")]),
        plain("_Validator", &[("operation", "String!"), ("arguments", "[_Argument!]!")]),
        union("_Argument", &["_ValidatorArgument", "_PathArgument", "_LiteralArgument"]),
        plain("_ValidatorArgument", &[("validator", "Int!")]),
        plain("_PathArgument", &[("path", "[String!]!")]),
        plain("_LiteralArgument", &[("value", "Json")]),
        enumeration("_RelationSide", &["owning", "inverse"]),
        enumeration("_OnDeleteBehaviour", &["restrict", "cascade", "setNull"]),
        plain("_OrderBy", &[("path", "[String!]!"), ("direction", "_OrderByDirection!")]),
        enumeration("_OrderByDirection", &["asc", "desc"]),
        plain("_Schema", &[("enums", "[_Enum!]!"), ("entities", "[_Entity!]!")]),
        plain("_Enum", &[("name", "String!"), ("values", "[String!]!")]),
        plain(
            "_Entity",
            &[
                ("name", "String!"),
                ("customPrimaryAllowed", "Boolean!"),
                ("fields", "[_Field!]!"),
                ("unique", "[_UniqueConstraint!]!"),
            ],
        ),
        plain("_UniqueConstraint", &[("fields", "[String!]!")]),
    ]
}

fn read_types() -> Vec<TypeDefinition> {
    let meta =
        [field("readable", ty("Boolean"), Meaning::MetaReadable), field("updatable", ty("Boolean"), Meaning::MetaUpdatable)];
    vec![
        object("FieldMeta", meta),
        object(
            "PageInfo",
            [
                field("totalCount", ty("Int!"), Meaning::TotalCount),
                field("hasNextPage", ty("Boolean!"), Meaning::HasNextPage),
                field("hasPreviousPage", ty("Boolean!"), Meaning::HasPreviousPage),
                field("startCursor", ty("String"), Meaning::StartCursor),
                field("endCursor", ty("String"), Meaning::EndCursor),
            ],
        ),
        enumeration("OrderDirection", &["asc", "desc", "ascNullsFirst", "descNullsLast"]),
        plain("Info", &[("description", "String")]),
    ]
}

/// Fields that every result of a write has.
pub(super) const RESULT_FIELDS: [(&str, &str); 3] =
    [("ok", "Boolean!"), ("errorMessage", "String"), ("errors", "[_MutationError!]!")];

fn write_types() -> Vec<TypeDefinition> {
    let error = plain_fields(&[
        ("path", "[_PathFragment!]!"),
        ("paths", "[[_PathFragment!]!]!"),
        ("type", "_MutationErrorType!"),
        ("message", "String"),
    ]);
    let error = error.into_iter().map(|field| match &*field.name {
        "path" => OutputField { deprecated: Some("Use `paths`.".to_owned()), ..field },
        _ => field,
    });
    vec![
        definition("MutationResult", TypeKind::Interface { fields: by_name(plain_fields(&RESULT_FIELDS)) }),
        object("_MutationError", error),
        enumeration(
            "_MutationErrorType",
            &[
                "NotNullConstraintViolation",
                "UniqueConstraintViolation",
                "ForeignKeyConstraintViolation",
                "NotFoundOrDenied",
                "NonUniqueWhereInput",
                "InvalidDataInput",
                "SqlError",
                "TooManyRows",
            ],
        ),
        union("_PathFragment", &["_FieldPathFragment", "_IndexPathFragment"]),
        plain("_FieldPathFragment", &[("field", "String!")]),
        plain("_IndexPathFragment", &[("index", "Int!"), ("alias", "String")]),
        plain("_ValidationResult", &[("valid", "Boolean!"), ("errors", "[_ValidationError!]!")]),
        plain("_ValidationError", &[("path", "[_PathFragment!]!"), ("message", "_ValidationMessage!")]),
        plain("_ValidationMessage", &[("text", "String!")]),
        input("MutationTransactionOptions", &[("deferForeignKeyConstraints", "Boolean"), ("deferUniqueConstraints", "Boolean")]),
    ]
}

fn image_types() -> Vec<TypeDefinition> {
    let size: [(&str, &str); 4] = [("width", "Int"), ("height", "Int"), ("fit", "ImageFit"), ("format", "ImageFormat")];
    let member = |name: &str, text: &str| field(name, ty(text), Meaning::ImageMember);
    let mut url = field_with("url", &size, ty("String!"), Meaning::ImageUrl);
    url.description = Some("A signed URL of the image, resized when a size or format is given.".to_owned());
    let image = [member("key", "String!"), member("width", "Int"), member("height", "Int"), member("contentType", "String"), url];
    let stored = [("key", "String!"), ("width", "Int"), ("height", "Int"), ("contentType", "String"), ("version", "String")];
    let described = |definition: TypeDefinition, text: &str| TypeDefinition { description: Some(text.to_owned()), ..definition };
    vec![
        described(object("StoredImage", image), "An image in the tenant's object store."),
        described(input("StoredImageInput", &stored), "An image that was uploaded before."),
        enumeration("ImageFit", &["contain", "cover"]),
        enumeration("ImageFormat", &["jpeg", "png", "webp"]),
    ]
}

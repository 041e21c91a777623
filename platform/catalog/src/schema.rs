//! Diesel's view of migrations/control. A test compares it with the migrated database.
#![allow(missing_docs)]

diesel::table! {
    server (id) {
        id -> Uuid,
        name -> Text,
        host -> Text,
        port -> Integer,
        system_identifier -> Text,
        server_version -> Integer,
        state -> Text,
        max_databases -> Integer,
        connection_budget -> Integer,
        template_database -> Text,
        sealed_admin_url -> Binary,
        wrapped_key -> Binary,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    tenant (id) {
        id -> Uuid,
        state -> Text,
        state_reason -> Nullable<Text>,
        epoch -> BigInt,
        row_version -> BigInt,
        created_at -> Timestamptz,
        changed_at -> Timestamptz,
        documents -> Text,
        documents_version -> BigInt,
        plan -> Nullable<Text>,
    }
}

diesel::table! {
    plan (name) {
        name -> Text,
        event_retention_days -> Nullable<Integer>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    tenant_name (name) {
        name -> Text,
        tenant_id -> Uuid,
        kind -> Text,
        created_at -> Timestamptz,
        released_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    placement (tenant_id) {
        tenant_id -> Uuid,
        server_id -> Uuid,
        database_name -> Text,
        since -> Timestamptz,
    }
}

diesel::table! {
    credential (tenant_id, slot) {
        tenant_id -> Uuid,
        slot -> Text,
        role_name -> Text,
        sealed_password -> Binary,
        state -> Text,
        rotated_at -> Timestamptz,
    }
}

diesel::table! {
    tenant_key (tenant_id) {
        tenant_id -> Uuid,
        wrapped_key -> Nullable<Binary>,
        created_at -> Timestamptz,
        destroyed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    quota (tenant_id) {
        tenant_id -> Uuid,
        max_connections -> Integer,
        statement_timeout_ms -> Integer,
    }
}

diesel::table! {
    schema_release (id) {
        id -> Text,
        document -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    tenant_schema (tenant_id) {
        tenant_id -> Uuid,
        release_id -> Text,
        applied_at -> Timestamptz,
    }
}

diesel::table! {
    document (tenant_id, sha256) {
        tenant_id -> Uuid,
        sha256 -> Text,
        text -> Text,
        name -> Nullable<Text>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    document_alias (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Text,
        sha256 -> Text,
    }
}

diesel::table! {
    operation (id) {
        id -> Uuid,
        kind -> Text,
        tenant_id -> Uuid,
        subject -> Text,
        actor -> Text,
        input -> Jsonb,
        state -> Text,
        generation -> BigInt,
        lease_owner -> Nullable<Uuid>,
        lease_until -> Nullable<Timestamptz>,
        error_code -> Nullable<Text>,
        error_message -> Nullable<Text>,
        created_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    operation_step (operation_id, seq) {
        operation_id -> Uuid,
        seq -> Integer,
        name -> Text,
        state -> Text,
        receipt -> Nullable<Jsonb>,
        error -> Nullable<Text>,
        attempts -> Integer,
        started_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    audit (seq) {
        seq -> BigInt,
        at -> Timestamptz,
        actor -> Text,
        action -> Text,
        tenant_id -> Nullable<Uuid>,
        detail -> Text,
        prev_hash -> Binary,
        hash -> Binary,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    server,
    tenant,
    plan,
    tenant_name,
    placement,
    credential,
    tenant_key,
    quota,
    schema_release,
    tenant_schema,
    document,
    document_alias,
    operation,
    operation_step,
    audit,
);

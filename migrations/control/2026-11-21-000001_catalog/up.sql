-- The catalogue of tenants, servers, schema releases and operations. It holds no content and no end user's personal data.

-- A PostgreSQL cluster that carries tenant databases.
CREATE TABLE server (
    id uuid PRIMARY KEY,
    name text NOT NULL UNIQUE,
    host text NOT NULL,
    port integer NOT NULL CHECK (port BETWEEN 1 AND 65535),
    -- pg_control_system(): the same cluster under two names would be counted twice.
    system_identifier text NOT NULL UNIQUE,
    server_version integer NOT NULL,
    state text NOT NULL CHECK (state IN ('active', 'draining', 'paused', 'retired')),
    max_databases integer NOT NULL CHECK (max_databases > 0),
    -- Connections that tenants may hold together: max_connections less what PostgreSQL and the control plane keep for themselves.
    connection_budget integer NOT NULL CHECK (connection_budget > 0),
    template_database text NOT NULL,
    sealed_admin_url bytea NOT NULL,
    wrapped_key bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- One organisation's home. The row of an erased tenant stays: it is the tombstone.
CREATE TABLE tenant (
    id uuid PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('provisioning', 'undoing', 'active', 'suspended', 'erasing', 'erased')),
    state_reason text,
    epoch bigint NOT NULL DEFAULT 0,
    row_version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now()
);

-- Every update counts, so that a compare-and-set never misses one.
CREATE FUNCTION count_tenant_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.row_version := OLD.row_version + 1;
    NEW.changed_at := now();
    IF NEW.epoch < OLD.epoch THEN
        RAISE EXCEPTION 'the epoch of tenant % cannot go back', OLD.id;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tenant_version BEFORE UPDATE ON tenant FOR EACH ROW EXECUTE FUNCTION count_tenant_version();

-- Only a tenant that never served may vanish; every other one leaves its tombstone.
CREATE FUNCTION keep_tombstone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state NOT IN ('provisioning', 'undoing') THEN
        RAISE EXCEPTION 'tenant % is % and cannot be removed from the catalogue', OLD.id, OLD.state;
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER tenant_tombstone BEFORE DELETE ON tenant FOR EACH ROW EXECUTE FUNCTION keep_tombstone();

-- Names that lead to a tenant. A released name stays reserved for ever: nobody can take over the URLs of a deleted organisation.
CREATE TABLE tenant_name (
    name text PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('slug', 'alias')),
    created_at timestamptz NOT NULL DEFAULT now(),
    released_at timestamptz
);
CREATE INDEX tenant_name_tenant ON tenant_name (tenant_id);
-- Also after its release, so that the tombstone keeps its name; a rename turns the old slug into an alias first.
CREATE UNIQUE INDEX tenant_name_slug ON tenant_name (tenant_id) WHERE kind = 'slug';

CREATE FUNCTION keep_released_name() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.released_at IS NOT NULL THEN
        RAISE EXCEPTION 'name % was released and stays reserved', OLD.name;
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tenant_name_reserved BEFORE UPDATE OR DELETE ON tenant_name FOR EACH ROW EXECUTE FUNCTION keep_released_name();

-- Where a tenant's database is.
CREATE TABLE placement (
    tenant_id uuid PRIMARY KEY REFERENCES tenant ON DELETE CASCADE,
    server_id uuid NOT NULL REFERENCES server,
    database_name text NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    UNIQUE (server_id, database_name)
);

-- Login slots. Rotation fills the other slot and swaps the active one (slots share nothing, so nobody is locked out).
CREATE TABLE credential (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    slot text NOT NULL CHECK (slot IN ('a', 'b')),
    role_name text NOT NULL,
    sealed_password bytea NOT NULL,
    state text NOT NULL CHECK (state IN ('active', 'next', 'draining', 'locked')),
    rotated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, slot)
);
CREATE UNIQUE INDEX credential_active ON credential (tenant_id) WHERE state = 'active';

-- The epoch fences whoever still holds an old placement or credential. The database raises it, so that no code path can forget.
CREATE FUNCTION raise_tenant_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tenant SET epoch = epoch + 1 WHERE id = coalesce(NEW.tenant_id, OLD.tenant_id);
    RETURN NULL;
END $$;
CREATE TRIGGER placement_epoch AFTER INSERT OR UPDATE OR DELETE ON placement FOR EACH ROW EXECUTE FUNCTION raise_tenant_epoch();
CREATE TRIGGER credential_epoch AFTER INSERT OR UPDATE OR DELETE ON credential FOR EACH ROW EXECUTE FUNCTION raise_tenant_epoch();

-- The tenant's data key, wrapped by the vault. Destroying the wrapped key erases everything that was sealed with it.
CREATE TABLE tenant_key (
    tenant_id uuid PRIMARY KEY REFERENCES tenant ON DELETE CASCADE,
    wrapped_key bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    destroyed_at timestamptz,
    CHECK ((wrapped_key IS NULL) = (destroyed_at IS NOT NULL))
);

CREATE TABLE quota (
    tenant_id uuid PRIMARY KEY REFERENCES tenant ON DELETE CASCADE,
    max_connections integer NOT NULL CHECK (max_connections > 0),
    statement_timeout_ms integer NOT NULL CHECK (statement_timeout_ms > 0)
);

-- Immutable, content-hashed versions of content schemas. The check keeps document and name together whoever writes them.
CREATE TABLE schema_release (
    id text PRIMARY KEY,
    document text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK (id = encode(sha256(convert_to(document, 'UTF8')), 'hex'))
);

CREATE FUNCTION keep_schema_release() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'schema release % is immutable', OLD.id;
END $$;
CREATE TRIGGER schema_release_immutable BEFORE UPDATE ON schema_release FOR EACH ROW EXECUTE FUNCTION keep_schema_release();

-- The release a tenant's database holds.
CREATE TABLE tenant_schema (
    tenant_id uuid PRIMARY KEY REFERENCES tenant ON DELETE CASCADE,
    release_id text NOT NULL REFERENCES schema_release,
    applied_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX tenant_schema_release ON tenant_schema (release_id);

-- Durable saga runs. No foreign key to tenant: the record outlives a tenant whose provisioning was undone.
CREATE TABLE operation (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('provision', 'deprovision')),
    tenant_id uuid NOT NULL,
    subject text NOT NULL,
    actor text NOT NULL,
    input jsonb NOT NULL,
    state text NOT NULL CHECK (state IN ('running', 'undoing', 'stuck', 'succeeded', 'undone')),
    generation bigint NOT NULL DEFAULT 0,
    lease_owner uuid,
    lease_until timestamptz,
    error_code text,
    error_message text,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    CHECK ((lease_owner IS NULL) = (lease_until IS NULL)),
    CHECK ((finished_at IS NOT NULL) = (state IN ('succeeded', 'undone')))
);
-- One operation at a time may change a tenant.
CREATE UNIQUE INDEX operation_live ON operation (tenant_id) WHERE finished_at IS NULL;
CREATE INDEX operation_tenant ON operation (tenant_id, created_at);

CREATE TABLE operation_step (
    operation_id uuid NOT NULL REFERENCES operation ON DELETE CASCADE,
    seq integer NOT NULL,
    name text NOT NULL,
    state text NOT NULL CHECK (state IN ('doing', 'done', 'undoing', 'undone', 'failed')),
    receipt jsonb,
    error text,
    attempts integer NOT NULL DEFAULT 1,
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    PRIMARY KEY (operation_id, seq),
    UNIQUE (operation_id, name)
);

-- Actions of administrators. Each entry's hash covers the entry before it, so a changed, removed or reordered entry shows.
-- `detail` is JSON kept as text: the hash covers its bytes.
CREATE TABLE audit (
    seq bigint PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    tenant_id uuid,
    detail text NOT NULL,
    prev_hash bytea NOT NULL,
    hash bytea NOT NULL UNIQUE
);
CREATE INDEX audit_tenant ON audit (tenant_id, seq);

CREATE FUNCTION keep_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
END $$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION keep_audit();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION keep_audit();

-- Every role of a cluster may enter every database by default; tenants' roles must not enter this one when they share a cluster.
DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
END $$;

-- Tables of the platform in every tenant database, and the empty home of the content.
-- Runs in the template; clones give every object to the tenant's owner role.

CREATE SCHEMA IF NOT EXISTS freehold;
CREATE SCHEMA content;

-- One row that says whose database this is. A connection that reads another id than it expects must not serve.
CREATE TABLE freehold.tenant_marker (
    tenant_id uuid PRIMARY KEY,
    only_one boolean NOT NULL DEFAULT true UNIQUE CHECK (only_one)
);

-- The schema release whose tables `content` holds.
CREATE TABLE freehold.schema_state (
    release_id text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    only_one boolean NOT NULL DEFAULT true PRIMARY KEY CHECK (only_one)
);

-- Seed scripts that ran, by SHA-256: a script and its row commit together, so none runs twice.
CREATE TABLE freehold.seed_ledger (
    digest text PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- Where the login roles may prove that they can write: the row is always rolled back.
CREATE TABLE freehold.write_probe (
    probed_at timestamptz NOT NULL
);

-- `similar` and `wordSimilar` need its operators, plainly named. Only an administrator may install it everywhere, so it is part of
-- the template; where the server does not offer it, those two filters fail and nothing else does.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm') THEN
        CREATE EXTENSION pg_trgm SCHEMA content;
    END IF;
END $$;

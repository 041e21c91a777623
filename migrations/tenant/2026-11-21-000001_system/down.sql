DROP TABLE freehold.write_probe, freehold.seed_ledger, freehold.schema_state, freehold.tenant_marker;
DROP EXTENSION IF EXISTS pg_trgm;
DROP SCHEMA content;
-- `freehold` itself stays: it also holds the table in which diesel records its migrations.

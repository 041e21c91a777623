DROP FUNCTION freehold.prune_events(timestamptz, integer), freehold.seal_events(integer);
-- What was made with the content's tables, and their triggers.
DROP SCHEMA IF EXISTS freehold_log_insert, freehold_log_update, freehold_log_delete CASCADE;
DROP FUNCTION freehold.record_truncate() CASCADE;
DROP AGGREGATE freehold.merged(jsonb);
DROP TABLE freehold.event_chain, freehold.event_seal, freehold.event;

DROP FUNCTION freehold.prune_events(timestamptz, integer), freehold.seal_events(integer);
DROP FUNCTION freehold.record_insert(), freehold.record_update(), freehold.record_delete(), freehold.record_truncate() CASCADE;
DROP FUNCTION freehold.event_key(jsonb, text[]);
DROP TABLE freehold.event_chain, freehold.event_seal, freehold.event;

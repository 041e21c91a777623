DROP FUNCTION freehold.prune_events(timestamptz, integer), freehold.seal_events(integer), freehold.event_content(freehold.event);
DROP FUNCTION freehold.event_part(text);
DROP FUNCTION freehold.record_change() CASCADE;
DROP TABLE freehold.event_chain, freehold.event_seal, freehold.event;

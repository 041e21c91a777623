-- Whether content changed that the event log does not tell of, without anybody waiting for anybody else: clients ask with the `Ref` header.

-- The sum over all slots rises with every transaction that changes content and depends on the snapshot alone. A sequence would tell
-- of changes before they are committed, and one row would make all writers queue. Backends rarely share a slot.
CREATE TABLE freehold.revision (
    slot integer PRIMARY KEY,
    n bigint NOT NULL
) WITH (fillfactor = 10); -- so that a new version of a row finds room beside the old one

-- For AFTER triggers on the content's tables that are not logged, FOR EACH STATEMENT. The tables' writers have no right to the counter, hence SECURITY
-- DEFINER. A transaction counts once: the setting ends with it, and with a savepoint that is rolled back.
CREATE FUNCTION freehold.count_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF current_setting('freehold.counted', true) IS DISTINCT FROM pg_current_xact_id()::text THEN
        INSERT INTO freehold.revision AS revision VALUES (pg_backend_pid() & 1023, 1)
            ON CONFLICT (slot) DO UPDATE SET n = revision.n + 1;
        PERFORM set_config('freehold.counted', pg_current_xact_id()::text, true);
    END IF;
    RETURN NULL;
END $$;

REVOKE ALL ON FUNCTION freehold.count_change() FROM PUBLIC;

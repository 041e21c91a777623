-- The event log: every change of content in the transaction that makes it (ARCHITECTURE D12), and the chain of hashes that seals what
-- is committed. The exact form of what is hashed: README.md beside this folder.

CREATE TABLE freehold.event (
    -- In the order in which the changes were made: two changes of one row wait for each other. What was rolled back leaves a gap.
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
    -- When the transaction began.
    created_at timestamptz NOT NULL DEFAULT now(),
    -- `create`, `update`, `delete`, `truncate`
    kind text NOT NULL,
    table_name text NOT NULL,
    primary_key text[] NOT NULL,
    -- By column, without the primary key: the row before and after; of an update what differs.
    old_values jsonb,
    new_values jsonb,
    -- Who and for what, as the writing statement says: ids of the author and of the request, name of the GraphQL operation, with a space
    -- between. In one text, because each setting that is set and read is 2 % of what a small change costs.
    authorship text DEFAULT nullif(current_setting('freehold.authorship', true), '')
);

-- Rows of more than some 2 KB are compressed when they are written: with LZ4, where the server has it. pglz
-- takes some 30 microseconds more for a change of 2.5 KB.
DO $$ BEGIN
    IF (SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression') THEN
        ALTER TABLE freehold.event ALTER old_values SET COMPRESSION lz4, ALTER new_values SET COMPRESSION lz4;
    END IF;
END $$;

-- A log is much the same everywhere: of a table that only grows, ANALYZE need not read 30,000 rows each time. And no query asks what is in
-- the values, or in the authorship as a whole.
ALTER TABLE freehold.event ALTER id SET STATISTICS 10, ALTER transaction_id SET STATISTICS 10, ALTER created_at SET STATISTICS 10,
    ALTER kind SET STATISTICS 10, ALTER table_name SET STATISTICS 10, ALTER primary_key SET STATISTICS 10,
    ALTER old_values SET STATISTICS 0, ALTER new_values SET STATISTICS 0, ALTER authorship SET STATISTICS 0;

-- Times rise with the ids but for transactions that overlap, so a new entry goes to the end of it. That takes half of what a BRIN does, whose every
-- entry finds out anew that the last pages are not summarised.
CREATE INDEX event_created_at_idx ON freehold.event (created_at);
-- The history of one row. Of keys that are all different, a hash is the smaller index.
CREATE INDEX event_primary_key_idx ON freehold.event USING hash (primary_key);

-- Writers may add to the log what triggers add, and nothing else: they have no right to make a trigger. (Triggers with the owner's rights would
-- need no such rule, but PostgreSQL takes 14,000 instructions to change the user for one and back.)
ALTER TABLE freehold.event ENABLE ROW LEVEL SECURITY;
CREATE POLICY read ON freehold.event FOR SELECT USING (true);
CREATE POLICY record ON freehold.event FOR INSERT WITH CHECK (pg_trigger_depth() > 0);

-- For AFTER triggers on the content's tables, FOR EACH STATEMENT. What writes the events of a table's rows is made with the table.
CREATE FUNCTION freehold.record_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO freehold.event (kind, table_name, primary_key) VALUES ('truncate', TG_TABLE_NAME, '{}');
    RETURN NULL;
END $$;

-- A row as it was after some of its events: their new values, each in place of those before.
CREATE AGGREGATE freehold.merged(jsonb) (SFUNC = jsonb_concat, STYPE = jsonb);

-- Committed events, chained: each hash covers the hash before it and an event. One row for all that were sealed at once.
CREATE TABLE freehold.event_seal (
    -- Of the first of its entries. Entries have 1, 2, 3 … without gaps.
    position bigint PRIMARY KEY,
    -- By entry.
    event_ids bigint[] NOT NULL,
    -- By entry, 32 bytes each.
    hashes bytea NOT NULL,
    -- The greatest of `event_ids`.
    last_id bigint NOT NULL
);
CREATE INDEX event_seal_last_id_idx ON freehold.event_seal (last_id);
-- Neither gets smaller by compression, and so a hash is read without reading all of them.
ALTER TABLE freehold.event_seal ALTER event_ids SET STORAGE EXTERNAL, ALTER hashes SET STORAGE EXTERNAL;
-- Of arrays ANALYZE would count each item.
ALTER TABLE freehold.event_seal ALTER event_ids SET STATISTICS 0, ALTER hashes SET STATISTICS 0;

-- Where the chain begins, and up to where nothing can be added to it any more.
CREATE TABLE freehold.event_chain (
    -- The last entry that was pruned.
    pruned_position bigint NOT NULL DEFAULT 0,
    pruned_hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex'),
    -- Every event up to this id is sealed; one that appears later is a forgery.
    settled_id bigint NOT NULL DEFAULT 0,
    -- The same will be true of this id once every transaction before this one has ended.
    pending_id bigint NOT NULL DEFAULT 0,
    pending_until xid8 NOT NULL DEFAULT '0',
    only_one boolean NOT NULL DEFAULT true PRIMARY KEY CHECK (only_one)
);
INSERT INTO freehold.event_chain DEFAULT VALUES;

-- Seals at most so many committed events and returns how many it did; NULL when somebody else is at it. No writer ever waits for it: the
-- lock is known to sealers only.
--
-- What is committed and not sealed goes in, by id. So of two changes of one row the earlier has the lower position, in whatever order
-- their transactions began: the later one waited for the earlier one's commit, and got its id afterwards. Transactions that are under
-- way, here or in other databases of the server, delay nothing; theirs goes in after they end.
CREATE FUNCTION freehold.seal_events(most integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    chain freehold.event_chain;
    started CONSTANT pg_snapshot := pg_current_snapshot();
    me xid8;
    place bigint;
    last bytea;
    newest bigint;
    item record;
    ids bigint[];
    hashes bytea := '';
    n integer;
BEGIN
    IF current_setting('client_encoding') <> 'UTF8' THEN
        RAISE 'texts are sealed in UTF8, not in %', current_setting('client_encoding');
    END IF;
    IF NOT pg_try_advisory_xact_lock(7166401005) THEN
        RETURN NULL;
    END IF;
    SELECT * INTO STRICT chain FROM freehold.event_chain;
    SELECT position + octet_length(seal.hashes) / 32, substr(seal.hashes, octet_length(seal.hashes) - 31) INTO place, last
        FROM freehold.event_seal seal ORDER BY position DESC LIMIT 1;
    IF NOT FOUND THEN
        place := chain.pruned_position + 1;
        last := chain.pruned_hash;
    END IF;

    FOR item IN
        SELECT id, record_send(ROW(
            id, transaction_id, created_at, kind, table_name, primary_key, old_values, new_values, authorship
        )) AS content
        FROM freehold.event
        WHERE id > chain.settled_id AND id NOT IN (SELECT unnest(event_ids) FROM freehold.event_seal WHERE last_id > chain.settled_id)
        ORDER BY id LIMIT most
    LOOP
        last := sha256(last || item.content);
        hashes := hashes || last;
        ids := array_append(ids, item.id);
    END LOOP;
    n := coalesce(cardinality(ids), 0);
    IF n > 0 THEN
        INSERT INTO freehold.event_seal VALUES (place, ids, hashes, ids[n]);
    END IF;
    IF n = most THEN
        RETURN n;
    END IF;

    -- An event below the last one may still come, but only of a transaction that was under way while we looked. Our own number, given after
    -- that, is above those of all of them; the snapshot's xmax need not be: it is the number after the last one that has ended. (A caller
    -- that has changed something before has an older number, and must not.) A database that was moved to another server has none of its old ones.
    IF chain.pending_until <= pg_snapshot_xmin(started) OR chain.pending_until > pg_snapshot_xmax(started) THEN
        chain.settled_id := chain.pending_id;
    END IF;
    SELECT max(last_id) INTO newest FROM freehold.event_seal;
    IF chain.settled_id = chain.pending_id AND newest > chain.pending_id THEN
        me := pg_current_xact_id();
        chain.pending_id := newest;
        chain.pending_until := me;
        IF pg_snapshot_xmin(started) = me THEN
            chain.settled_id := newest;
        END IF;
    END IF;
    UPDATE freehold.event_chain SET settled_id = chain.settled_id, pending_id = chain.pending_id, pending_until = chain.pending_until
        WHERE (settled_id, pending_id) IS DISTINCT FROM (chain.settled_id, chain.pending_id);
    RETURN n;
END $$;

-- Deletes the oldest sealed events up to the first one that is not older, at most so many, and returns how many that were. The chain goes
-- on from the last one's hash. For the owner: nobody else may delete.
CREATE FUNCTION freehold.prune_events(older_than timestamptz, most integer) RETURNS integer LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    first bigint;
    upto bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(7166401005);
    SELECT min(position) INTO first FROM freehold.event_seal;
    SELECT max(place) INTO upto FROM (
        SELECT sealed.place, bool_and(event.created_at < older_than) OVER (ORDER BY sealed.place) AS is_old FROM (
            SELECT seal.position + u.i - 1 AS place, u.id FROM freehold.event_seal seal, unnest(seal.event_ids) WITH ORDINALITY AS u (id, i)
            WHERE seal.position < first + most
        ) sealed JOIN freehold.event event USING (id) WHERE sealed.place < first + most
    ) judged WHERE is_old;
    IF upto IS NULL THEN
        RETURN 0;
    END IF;
    UPDATE freehold.event_chain SET pruned_position = upto, pruned_hash = (
        SELECT substr(hashes, (upto - position)::integer * 32 + 1, 32) FROM freehold.event_seal
        WHERE position <= upto ORDER BY position DESC LIMIT 1
    );
    DELETE FROM freehold.event WHERE id IN (
        SELECT u.id FROM freehold.event_seal seal, unnest(seal.event_ids) WITH ORDINALITY AS u (id, i)
        WHERE seal.position <= upto AND seal.position + u.i - 1 <= upto
    );
    DELETE FROM freehold.event_seal WHERE position <= upto AND position + octet_length(hashes) / 32 <= upto + 1;
    -- What is left of the last one.
    UPDATE freehold.event_seal SET position = upto + 1, event_ids = event_ids[upto - position + 2:],
        hashes = substr(hashes, (upto - position + 1)::integer * 32 + 1)
        WHERE position <= upto;
    RETURN upto - first + 1;
END $$;

REVOKE ALL ON FUNCTION freehold.record_truncate(), freehold.seal_events(integer), freehold.prune_events(timestamptz, integer) FROM PUBLIC;

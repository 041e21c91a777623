-- Answers of writes that carried an Idempotency-Key: who sends the key again within a day gets the first answer.

CREATE TABLE freehold.kept_answer (
    identity_id uuid NOT NULL,
    key text NOT NULL,
    -- Which root field of the mutation: each is a transaction of its own.
    root integer NOT NULL,
    -- Of the request.
    fingerprint text NOT NULL,
    -- The field's JSON.
    answer text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (identity_id, key, root)
);
CREATE INDEX kept_answer_created_at_idx ON freehold.kept_answer (created_at);

-- To be called at the beginning of the transaction that answers. `busy`: another transaction is at it. `other`: the key came with another
-- request. `kept` and an answer. `new`: nobody asked before. The lock ends with the transaction, so a process that dies holds nothing.
CREATE FUNCTION freehold.find_answer(asker uuid, name text, place integer, request text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found text := 'new';
    kept freehold.kept_answer;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended(asker::text || '/' || name, 7166401006)) THEN
        RETURN 'busy';
    END IF;
    FOR kept IN SELECT * FROM freehold.kept_answer a
        WHERE a.identity_id = asker AND a.key = name AND a.created_at > now() - interval '1 day'
    LOOP
        IF kept.fingerprint <> request THEN
            RETURN 'other';
        END IF;
        IF kept.root = place THEN
            found := 'kept' || kept.answer;
        END IF;
    END LOOP;
    RETURN found;
END $$;

-- To be called in the transaction that made the answer, so that both stay or go. Takes a few of those away that are too old.
CREATE FUNCTION freehold.keep_answer(asker uuid, name text, place integer, request text, response text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO freehold.kept_answer AS kept VALUES (asker, name, place, request, response)
        ON CONFLICT (identity_id, key, root) DO UPDATE
        SET fingerprint = excluded.fingerprint, answer = excluded.answer, created_at = excluded.created_at
        WHERE kept.created_at <= now() - interval '1 day';
    DELETE FROM freehold.kept_answer WHERE ctid IN (
        SELECT ctid FROM freehold.kept_answer WHERE created_at < now() - interval '1 day' LIMIT 10 FOR UPDATE SKIP LOCKED
    );
END $$;

REVOKE ALL ON FUNCTION freehold.find_answer(uuid, text, integer, text), freehold.keep_answer(uuid, text, integer, text, text) FROM PUBLIC;

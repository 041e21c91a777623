-- Documents that a tenant registered: they are run by their id, and a tenant may accept no others.

-- `documents_version` rises with every change of the tenant's documents, so that an engine, which reads it with the route, knows when what it keeps is old.
ALTER TABLE tenant
    ADD COLUMN documents text NOT NULL DEFAULT 'any' CHECK (documents IN ('any', 'trusted')),
    ADD COLUMN documents_version bigint NOT NULL DEFAULT 0;

-- Named by the SHA-256 of its text, which the check keeps true whoever writes it.
CREATE TABLE document (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    sha256 text NOT NULL,
    text text NOT NULL,
    name text,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, sha256),
    CHECK (sha256 = encode(sha256(convert_to(text, 'UTF8')), 'hex'))
);

-- Other ids, which a client's compiler gave: Relay's MD5, say. None looks like a SHA-256, so that one is always that of the text it leads to.
CREATE TABLE document_alias (
    tenant_id uuid NOT NULL,
    id text NOT NULL CHECK (length(id) BETWEEN 1 AND 200 AND id !~ '^(sha256:|[0-9a-f]{64}$)'),
    sha256 text NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, sha256) REFERENCES document ON DELETE CASCADE
);
CREATE INDEX document_alias_document ON document_alias (tenant_id, sha256);

-- Once for each statement: a manifest brings hundreds of documents at a time.
CREATE FUNCTION raise_documents_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tenant SET documents_version = documents_version + 1 WHERE id IN (SELECT tenant_id FROM changed);
    RETURN NULL;
END $$;
CREATE TRIGGER document_added AFTER INSERT ON document
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION raise_documents_version();
CREATE TRIGGER document_removed AFTER DELETE ON document
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION raise_documents_version();
CREATE TRIGGER document_alias_added AFTER INSERT ON document_alias
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION raise_documents_version();
CREATE TRIGGER document_alias_removed AFTER DELETE ON document_alias
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION raise_documents_version();

-- Another text under a known name would change what deployed clients run; the check above forbids it for documents, this for their other ids.
CREATE FUNCTION keep_document() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a registered document is removed and added, never changed';
END $$;
CREATE TRIGGER document_immutable BEFORE UPDATE ON document FOR EACH ROW EXECUTE FUNCTION keep_document();
CREATE TRIGGER document_alias_immutable BEFORE UPDATE ON document_alias FOR EACH ROW EXECUTE FUNCTION keep_document();

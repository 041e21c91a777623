-- The version before would run any document for a tenant that accepts trusted ones alone: somebody must decide that, not a migration.
DO $$
BEGIN
    IF EXISTS (SELECT FROM tenant WHERE documents = 'trusted') THEN
        RAISE EXCEPTION 'a tenant accepts trusted documents only; let it accept any first: freehold tenant documents SLUG --accept any';
    END IF;
END $$;
DROP TABLE document_alias, document;
DROP FUNCTION keep_document, raise_documents_version;
ALTER TABLE tenant DROP COLUMN documents, DROP COLUMN documents_version;

-- The tables that the thin server writes to: the same rows, keys and indexes, and nothing that records a change.
CREATE SCHEMA thin;
CREATE TABLE thin.author (LIKE content.author INCLUDING ALL);
INSERT INTO thin.author SELECT * FROM content.author;
CREATE TABLE thin.article (
    LIKE content.article INCLUDING ALL,
    FOREIGN KEY (author_id) REFERENCES thin.author (id) DEFERRABLE INITIALLY IMMEDIATE,
    FOREIGN KEY (category_id) REFERENCES content.category (id) DEFERRABLE INITIALLY IMMEDIATE
);
INSERT INTO thin.article SELECT * FROM content.article;
CREATE TABLE thin.article_tags (
    LIKE content.article_tags INCLUDING ALL,
    FOREIGN KEY (article_id) REFERENCES thin.article (id) ON DELETE CASCADE DEFERRABLE INITIALLY IMMEDIATE,
    FOREIGN KEY (tag_id) REFERENCES content.tag (id) ON DELETE CASCADE DEFERRABLE INITIALLY IMMEDIATE
);
INSERT INTO thin.article_tags SELECT * FROM content.article_tags;

-- PostgreSQL checks no rights of a superuser.
CREATE ROLE thin LOGIN PASSWORD 'thin';
DO $$ BEGIN EXECUTE format('GRANT CONNECT ON DATABASE %I TO thin', current_database()); END $$;
GRANT USAGE ON SCHEMA content, thin TO thin;
GRANT SELECT ON ALL TABLES IN SCHEMA content TO thin;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA thin TO thin;

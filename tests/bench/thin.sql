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

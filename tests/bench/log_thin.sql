-- The event log on the thin server's tables: the functions of the engine's, called for these. What is recorded is of tables of the same names.
CREATE TRIGGER record_insert AFTER INSERT ON thin.article
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION freehold_log_insert.article();
CREATE TRIGGER record_insert AFTER INSERT ON thin.article_tags
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION freehold_log_insert.article_tags();
CREATE TRIGGER record_update AFTER UPDATE ON thin.article FOR EACH ROW EXECUTE FUNCTION freehold_log_update.article();
GRANT USAGE ON SCHEMA freehold TO thin;
GRANT INSERT ON freehold.event TO thin;

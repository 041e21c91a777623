DROP FUNCTION freehold.count_change() CASCADE;
DROP TABLE freehold.revision;

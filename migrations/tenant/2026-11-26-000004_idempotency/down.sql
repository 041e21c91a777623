DROP FUNCTION freehold.keep_answer(uuid, text, integer, text, text);
DROP FUNCTION freehold.find_answer(uuid, text, integer, text);
DROP TABLE freehold.kept_answer;

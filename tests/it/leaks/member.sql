-- What `member` of desk.graphql may know: one row of text per fact.
WITH
  posts AS (SELECT p.*, p.team_id = '$team' AS own FROM post p WHERE p.team_id = '$team' OR p.stage = 'open'),
  writers AS (SELECT author_id FROM post WHERE stage = 'open'),
  people AS (
    SELECT p.*, coalesce(p.team_id = '$team', false) AS own FROM person p
    WHERE p.team_id = '$team' OR p.id IN (SELECT author_id FROM writers)
  ),
  summaries AS (SELECT s.* FROM summary s WHERE EXISTS (SELECT FROM post p WHERE p.summary_id = s.id AND p.team_id = '$team')),
  comments AS (SELECT c.* FROM comment c JOIN posts p ON p.id = c.post_id WHERE p.own AND p.stage = 'open')
SELECT ('team', id, name)::text AS value FROM team
UNION ALL SELECT ('own team', id, public, budget)::text FROM team WHERE id = '$team'
UNION ALL SELECT ('person', id, own, name, CASE WHEN own THEN (email, age, team_id)::text END)::text FROM people
UNION ALL SELECT ('post', id, own, title, CASE WHEN own THEN (stage, score, note, team_id)::text END)::text FROM posts
UNION ALL SELECT ('label', id, name, secret)::text FROM label
UNION ALL SELECT ('summary', id, text, words)::text FROM summaries
UNION ALL SELECT ('comment', id, text, post_id)::text FROM comments
-- Relations: a pair is known when both rows are seen and either side's field may be read.
UNION ALL SELECT ('post.author', p.id, a.id)::text FROM posts p JOIN people a ON a.id = p.author_id WHERE p.own OR a.own
UNION ALL SELECT ('post.reviewer', p.id, a.id)::text FROM posts p JOIN people a ON a.id = p.reviewer_id WHERE p.own OR a.own
UNION ALL SELECT ('post.summary', p.id, s.id)::text FROM posts p JOIN summaries s ON s.id = p.summary_id
UNION ALL SELECT ('post.labels', p.id, pl.label_id)::text FROM posts p JOIN post_labels pl ON pl.post_id = p.id
UNION ALL SELECT ('comment.author', c.id, a.id)::text FROM comments c JOIN people a ON a.id = c.author_id
ORDER BY 1

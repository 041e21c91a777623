-- What `guest` of desk.graphql may know: one row of text per fact.
WITH
  teams AS (SELECT * FROM team WHERE public),
  people AS (
    SELECT p.*, coalesce(p.age >= 2, false) AS grown, coalesce(t.name = 'a', false) AS of_a
    FROM person p LEFT JOIN team t ON t.id = p.team_id
    WHERE p.age >= 2 OR t.name = 'a'
  ),
  posts AS (
    SELECT p.*, t.public, coalesce(a.name = 'a', false) AS by_a
    FROM post p JOIN team t ON t.id = p.team_id LEFT JOIN person a ON a.id = p.author_id
    WHERE t.public OR a.name = 'a'
  ),
  labels AS (SELECT * FROM label WHERE NOT secret OR name = 'a'),
  summaries AS (SELECT * FROM summary WHERE words IS NOT NULL),
  -- No root field leads to a comment, only its post's `comments`.
  comments AS (
    SELECT c.* FROM comment c JOIN posts p ON p.id = c.post_id WHERE p.public AND (c.approved OR c.text = 'a')
  )
SELECT ('team', id, name)::text AS value FROM teams
UNION ALL SELECT ('person', id, CASE WHEN grown THEN name END, grown, CASE WHEN of_a THEN email END, of_a)::text FROM people
UNION ALL SELECT ('post', id, public, CASE WHEN public THEN (title, stage)::text END,
  CASE WHEN public AND stage = 'open' THEN score END, by_a, CASE WHEN by_a THEN note END)::text FROM posts
UNION ALL SELECT ('label', id, secret, CASE WHEN NOT secret THEN name END, name = 'a')::text FROM labels
UNION ALL SELECT ('summary', id, text)::text FROM summaries
UNION ALL SELECT ('comment', id, approved, CASE WHEN approved THEN text END, text = 'a')::text FROM comments
-- Relations: a pair is known when both rows are seen and either side's field may be read.
UNION ALL SELECT ('post.team', p.id, p.team_id)::text FROM posts p WHERE p.public
UNION ALL SELECT ('post.author', p.id, a.id)::text FROM posts p JOIN people a ON a.id = p.author_id WHERE p.by_a OR a.grown
UNION ALL SELECT ('post.summary', p.id, s.id)::text FROM posts p JOIN summaries s ON s.id = p.summary_id
UNION ALL SELECT ('post.labels', p.id, l.id)::text
  FROM posts p JOIN post_labels pl ON pl.post_id = p.id JOIN labels l ON l.id = pl.label_id WHERE p.public OR l.name = 'a'
UNION ALL SELECT ('comment.post', id, post_id)::text FROM comments
UNION ALL SELECT ('comment.author', c.id, a.id)::text FROM comments c JOIN people a ON a.id = c.author_id WHERE c.text = 'a'
ORDER BY 1

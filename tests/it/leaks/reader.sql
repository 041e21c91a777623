-- What `reader` of the corpus may know: one row of text per fact. `$level` is the caller's variable as a condition on `rank`.
WITH articles AS (
  SELECT *, state = 'published' AS published, coalesce($level, false) AS ranked FROM article WHERE state = 'published' OR $level
)
SELECT ('site', id, slug)::text AS value FROM site
UNION ALL SELECT ('author', id, name, email)::text FROM author
UNION ALL SELECT ('tag', id, name)::text FROM tag
UNION ALL SELECT ('article', id, published, CASE WHEN published THEN (slug, rank, title)::text END,
  ranked, CASE WHEN ranked THEN secret END)::text FROM articles
-- `Author.articles` and `Tag.articles` may be read everywhere.
UNION ALL SELECT ('article.author', id, author_id)::text FROM articles
UNION ALL SELECT ('article.tags', a.id, t.tag_id)::text FROM articles a JOIN article_tags t ON t.article_id = a.id
-- No root field leads to a translation, only its article's `locales`.
UNION ALL SELECT ('locale', l.id, l.article_id, l.locale, l.text)::text
  FROM article_locale l JOIN articles a ON a.id = l.article_id WHERE a.published
ORDER BY 1

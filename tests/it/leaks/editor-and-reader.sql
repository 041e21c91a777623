-- What somebody who is `editor` and `reader` of the corpus may know: per field, what either role may.
WITH articles AS (
  SELECT a.*, state = 'published' AS published, coalesce($level, false) AS ranked, site_id = '$site' AS own
  FROM article a WHERE state = 'published' OR $level OR site_id = '$site'
)
SELECT ('site', id, slug, CASE WHEN id = '$site' THEN name END)::text AS value FROM site
UNION ALL SELECT ('author', id, name, email)::text FROM author
UNION ALL SELECT ('tag', id, name)::text FROM tag
UNION ALL SELECT ('article', id, own, published, CASE WHEN published THEN (slug, rank, title)::text END,
  ranked, CASE WHEN ranked THEN secret END)::text FROM articles
UNION ALL SELECT ('own article', to_jsonb(a) - 'cover_id')::text FROM article a WHERE site_id = '$site'
UNION ALL SELECT ('article.author', id, author_id)::text FROM articles
UNION ALL SELECT ('article.tags', a.id, t.tag_id)::text FROM articles a JOIN article_tags t ON t.article_id = a.id
UNION ALL SELECT ('locale', l.id, l.article_id, l.locale, l.text)::text
  FROM article_locale l JOIN articles a ON a.id = l.article_id WHERE a.published OR a.own
ORDER BY 1

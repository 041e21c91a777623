-- What `editor` of the corpus may know: one row of text per fact. Nobody but admins reads images, settings and statistics.
SELECT ('site', id, slug, name)::text AS value FROM site WHERE id = '$site'
UNION ALL SELECT ('author', id, name, email)::text FROM author
UNION ALL SELECT ('tag', id, name)::text FROM tag
UNION ALL SELECT ('article', to_jsonb(a) - 'cover_id')::text FROM article a WHERE site_id = '$site'
UNION ALL SELECT ('article.tags', t.article_id, t.tag_id)::text
  FROM article_tags t JOIN article a ON a.id = t.article_id WHERE a.site_id = '$site'
UNION ALL SELECT ('locale', l.id, l.article_id, l.locale, l.text)::text
  FROM article_locale l JOIN article a ON a.id = l.article_id WHERE a.site_id = '$site'
ORDER BY 1

-- 1,000 authors, 20 categories, 300 tags, 20,000 articles with 3 tags each, 100,000 comments: the data of research and benchmark.
-- Everything follows from the row's number, so two runs measure the same rows. Authors and tags are skewed, as in life: author 0 wrote
-- about 2,000 articles, and a page at offset 40 of the popular authors' articles under popular tags is never empty.

-- A number in [0, 1) from two integers.
CREATE FUNCTION pg_temp.chance(n bigint, salt bigint) RETURNS double precision LANGUAGE sql IMMUTABLE
AS $$ SELECT (hashint8extended(n, salt) & 2147483647) / 2147483648.0 $$;

INSERT INTO content.author (id, name)
SELECT md5('author' || n)::uuid, 'Author ' || n FROM generate_series(0, 999) n;

INSERT INTO content.category (id, name, slug)
SELECT md5('category' || n)::uuid, 'Category ' || n, 'category-' || n FROM generate_series(0, 19) n;

INSERT INTO content.tag (id, name)
SELECT md5('tag' || n)::uuid, 'tag-' || n FROM generate_series(0, 299) n;

INSERT INTO content.article (id, title, slug, body, status, published_at, author_id, category_id)
SELECT md5('article' || n)::uuid,
       'Article number ' || n || ' on a subject of interest',
       'article-' || n,
       repeat('The quick brown fox jumps over the lazy dog, again and again. ', 20 + (20 * pg_temp.chance(n, 1))::int),
       CASE WHEN pg_temp.chance(n, 2) < 0.8 THEN 'published' ELSE 'draft' END::content."ArticleStatus",
       '2020-01-01T00:00:00Z'::timestamptz + n * interval '2 hours' + pg_temp.chance(n, 3) * interval '1 hour',
       md5('author' || floor(1000 * power(pg_temp.chance(n, 4), 3)))::uuid,
       md5('category' || floor(20 * pg_temp.chance(n, 5)))::uuid
FROM generate_series(0, 19999) n;

INSERT INTO content.article_tags (article_id, tag_id)
SELECT md5('article' || n)::uuid, md5('tag' || floor(300 * power(pg_temp.chance(n, 10 + k), 2)))::uuid
FROM generate_series(0, 19999) n, generate_series(0, 2) k
ON CONFLICT DO NOTHING;

INSERT INTO content.comment (id, author_name, body, created_at, article_id)
SELECT md5('comment' || n)::uuid,
       'Reader ' || floor(5000 * pg_temp.chance(n, 20)),
       repeat('I read this twice and then a third time. ', 2 + (6 * pg_temp.chance(n, 21))::int),
       '2020-06-01T00:00:00Z'::timestamptz + n * interval '20 minutes',
       md5('article' || floor(20000 * pg_temp.chance(n, 22)))::uuid
FROM generate_series(0, 99999) n;

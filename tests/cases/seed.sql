-- The rows that every case reads: what the recorded peer's seeding mutations leave behind, with ids that are easy to recognise.
-- Runs as the owner, in a database that has the schema of schema.json in the pg_schema `content`.
SET search_path = content;

INSERT INTO site (id, slug, name) VALUES
  ('10000000-0000-4000-8000-000000000001', 'one', 'One'),
  ('10000000-0000-4000-8000-000000000002', 'two', NULL);

INSERT INTO site_setting (id, theme, site_id) VALUES
  ('20000000-0000-4000-8000-000000000001', 'light', '10000000-0000-4000-8000-000000000001');

INSERT INTO author (id, name, email) VALUES
  ('30000000-0000-4000-8000-000000000001', 'Ann', 'ann@x.test'),
  ('30000000-0000-4000-8000-000000000002', 'Bob', NULL);

INSERT INTO image (id, url) VALUES
  ('40000000-0000-4000-8000-000000000001', 'img1');

INSERT INTO article (
  id, slug, state, rank, price, ratio, active, published_at, day, at, meta, external, keywords, secret, url, site_id, author_id, cover_id, title
) VALUES
  ('50000000-0000-4000-8000-000000000001', 'first', 'published', 2, 12.5, 0.5, true, '2024-01-02T03:04:05.678Z', '2024-02-29', '13:45',
   '{"a": [1, "x", null], "b": {"c": true}}', '11111111-1111-1111-1111-111111111111', '{k1,k2}', 's1', 'https://x.test',
   '10000000-0000-4000-8000-000000000001', '30000000-0000-4000-8000-000000000001', '40000000-0000-4000-8000-000000000001', 'First'),
  ('50000000-0000-4000-8000-000000000002', 'second', 'draft', 1, NULL, NULL, true, NULL, NULL, NULL,
   NULL, NULL, NULL, 's2', NULL, '10000000-0000-4000-8000-000000000001', NULL, NULL, 'Second'),
  ('50000000-0000-4000-8000-000000000003', 'first', 'published', NULL, NULL, NULL, true, NULL, NULL, NULL,
   NULL, NULL, NULL, 's3', NULL, '10000000-0000-4000-8000-000000000002', NULL, NULL, 'Third');

INSERT INTO tag (id, name) VALUES
  ('60000000-0000-4000-8000-000000000001', 'rust'),
  ('60000000-0000-4000-8000-000000000002', 'go'),
  ('60000000-0000-4000-8000-000000000003', 'sql');

INSERT INTO article_tags (article_id, tag_id) VALUES
  ('50000000-0000-4000-8000-000000000001', '60000000-0000-4000-8000-000000000001'),
  ('50000000-0000-4000-8000-000000000001', '60000000-0000-4000-8000-000000000002'),
  ('50000000-0000-4000-8000-000000000002', '60000000-0000-4000-8000-000000000001'),
  ('50000000-0000-4000-8000-000000000002', '60000000-0000-4000-8000-000000000003');

INSERT INTO article_locale (id, article_id, locale, text) VALUES
  ('70000000-0000-4000-8000-000000000001', '50000000-0000-4000-8000-000000000001', 'en', 'Hello'),
  ('70000000-0000-4000-8000-000000000002', '50000000-0000-4000-8000-000000000001', 'cs', 'Ahoj'),
  ('70000000-0000-4000-8000-000000000003', '50000000-0000-4000-8000-000000000002', 'en', 'Two');

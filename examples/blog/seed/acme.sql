-- Content of the tenant acme: a coast guide and its kitchen.
--
-- Safe to run again: ids are derived from the names, and a row that is there already is left alone.
-- Column defaults of the schema are applied by the engine, not by PostgreSQL, so every not-null column is given here.

INSERT INTO content.site (id, slug, name)
SELECT md5('acme/site/' || slug)::uuid, slug, name
FROM (VALUES
  ('coast', 'The Acme Coast Guide'),
  ('galley', 'The Galley Kitchen')
) AS row (slug, name)
ON CONFLICT DO NOTHING;

INSERT INTO content.author (id, name, email, bio, photo)
SELECT md5('acme/author/' || email)::uuid, name, email, bio, photo::jsonb
FROM (VALUES
  ('Marit Solberg', 'marit@acme.example', 'Harbour pilot for twenty years, photographer for the last five.',
   '{"key": "photos/harbour.jpg", "width": 1600, "height": 1067, "contentType": "image/jpeg"}'),
  ('Tom Penrose', 'tom@acme.example', 'Surveyor, keeper of maps and tide tables.',
   '{"key": "photos/map.png", "width": 1200, "height": 800, "contentType": "image/png"}'),
  ('Inês Carvalho', 'ines@acme.example', 'Cooks at sea and writes it down ashore.',
   NULL)
) AS row (name, email, bio, photo)
ON CONFLICT DO NOTHING;

INSERT INTO content.tag (id, name)
SELECT md5('acme/tag/' || name)::uuid, name
FROM (VALUES ('boats'), ('food'), ('history'), ('light'), ('tides'), ('walks'), ('weather')) AS row (name)
ON CONFLICT DO NOTHING;

INSERT INTO content.article (id, slug, title, lead, body, state, published_at, site_id, author_id, cover)
SELECT md5('acme/article/' || slug)::uuid, slug, title, lead, body, state::content."ArticleState", published_at::timestamptz,
       md5('acme/site/' || site)::uuid, md5('acme/author/' || author || '@acme.example')::uuid, cover::jsonb
FROM (VALUES
  ('evening-in-the-harbour', 'Evening in the harbour', 'published', '2026-09-14 18:20+00', 'coast', 'marit',
   '{"key": "photos/harbour.jpg", "width": 1600, "height": 1067, "contentType": "image/jpeg"}',
   'The last boats come in with the sun behind them.',
   'Nobody hurries. Ropes are coiled, engines ticked over once more and then left to cool, and for a quarter of an hour the water is the brightest thing in town.'),
  ('keeper-of-the-red-tower', 'The keeper of the red tower', 'published', '2026-09-02 07:00+00', 'coast', 'tom',
   '{"key": "photos/lighthouse.jpg", "width": 1067, "height": 1600, "contentType": "image/jpeg"}',
   'The lamp has run by itself since 1988, but someone still climbs the 164 steps twice a week to clean the glass.',
   '"Salt does not care about automation," says the keeper, who is not called a keeper any more.'),
  ('first-light', 'First light', 'published', '2026-08-21 04:45+00', 'coast', 'marit',
   '{"key": "photos/sunrise.jpg", "width": 1600, "height": 1067, "contentType": "image/jpeg"}',
   'Set the alarm for four.',
   'Bring a flask and a second jumper. The colours begin three quarters of an hour before the sun does, and most people leave before the best of it.'),
  ('walking-the-dunes', 'Walking the dunes', 'published', '2026-08-09 10:30+00', 'coast', 'ines',
   '{"key": "photos/dunes.jpg", "width": 1600, "height": 1200, "contentType": "image/jpeg"}',
   'Eleven kilometres from the car park to the river mouth, all of it moving.',
   'Keep to the seaward side of the posts: the marram grass is what holds the rest in place.'),
  ('a-map-of-gull-island', 'A map of Gull Island', 'published', '2026-07-30 12:00+00', 'coast', 'tom',
   '{"key": "photos/map.png", "width": 1200, "height": 800, "contentType": "image/png"}',
   'The first survey of 1846 put the summit forty metres too far west.',
   'This is the third, drawn from our own measurements, with the northern cove where it has been since the storm of 2013.'),
  ('reading-the-tide-table', 'Reading the tide table', 'published', '2026-07-11 09:15+00', 'coast', 'tom',
   NULL,
   'Two highs, two lows, and fifty minutes later every day.',
   'The rule of twelfths tells you the rest: one, two, three, three, two, one.'),
  ('when-the-fog-comes-in', 'When the fog comes in', 'published', '2026-06-28 06:05+00', 'coast', 'marit',
   NULL,
   'Sound your horn every two minutes, turn the radio up, and go slower than feels sensible.',
   'Then slower again.'),
  ('winter-moorings', 'Winter moorings', 'draft', NULL, 'coast', 'tom',
   '{"key": "photos/harbour.jpg", "width": 1600, "height": 1067, "contentType": "image/jpeg"}',
   'Notes so far: chain, not rope.',
   'Ask the harbour office about pontoon C.'),
  ('the-old-ferry', 'The old ferry', 'archived', '2019-05-04 08:00+00', 'coast', 'ines',
   NULL,
   'She ran for 61 years and never once left on time.',
   'The new one is punctual and nobody waves at it.'),
  ('fish-soup-for-six', 'Fish soup for six', 'published', '2026-09-20 16:00+00', 'galley', 'ines',
   NULL,
   'Buy what is cheap and firm.',
   'Fennel, two onions, saffron if you have it, tomatoes if you do not. The fish goes in last and for four minutes only.'),
  ('bread-on-a-boat', 'Bread on a boat', 'published', '2026-08-15 05:30+00', 'galley', 'ines',
   '{"key": "photos/sunrise.jpg", "width": 1600, "height": 1067, "contentType": "image/jpeg"}',
   'A lidded pot, a gas ring and patience.',
   'Dough rises faster than you think in a warm cabin and slower than you hope in a cold one.'),
  ('what-to-do-with-samphire', 'What to do with samphire', 'draft', NULL, 'galley', 'marit',
   NULL,
   'Not much.',
   'Butter. Thirty seconds.')
) AS row (slug, title, state, published_at, site, author, cover, lead, body)
ON CONFLICT DO NOTHING;

INSERT INTO content.article_tags (article_id, tag_id)
SELECT md5('acme/article/' || slug)::uuid, md5('acme/tag/' || tag)::uuid
FROM (VALUES
  ('evening-in-the-harbour', ARRAY['boats', 'light']),
  ('keeper-of-the-red-tower', ARRAY['history', 'light']),
  ('first-light', ARRAY['light', 'weather']),
  ('walking-the-dunes', ARRAY['walks', 'weather']),
  ('a-map-of-gull-island', ARRAY['history', 'walks']),
  ('reading-the-tide-table', ARRAY['boats', 'tides']),
  ('when-the-fog-comes-in', ARRAY['boats', 'weather']),
  ('winter-moorings', ARRAY['boats', 'weather']),
  ('the-old-ferry', ARRAY['boats', 'history']),
  ('fish-soup-for-six', ARRAY['food']),
  ('bread-on-a-boat', ARRAY['boats', 'food']),
  ('what-to-do-with-samphire', ARRAY['food', 'tides', 'walks'])
) AS row (slug, tags), unnest(tags) AS tag
ON CONFLICT DO NOTHING;

-- The texts above are English; these are translations.
INSERT INTO content.article_locale (id, article_id, locale, title, lead, body)
SELECT md5('acme/locale/' || slug || '/' || locale)::uuid, md5('acme/article/' || slug)::uuid, locale, title, lead, body
FROM (VALUES
  ('evening-in-the-harbour', 'de', 'Abend im Hafen',
   'Die letzten Boote kommen mit der Sonne im Rücken herein.',
   'Niemand hat es eilig. Taue werden aufgeschossen, und eine Viertelstunde lang ist das Wasser das Hellste in der ganzen Stadt.'),
  ('keeper-of-the-red-tower', 'de', 'Der Wärter des roten Turms',
   'Das Feuer brennt seit 1988 von allein, doch zweimal in der Woche steigt noch immer jemand die 164 Stufen hinauf und putzt das Glas.',
   'Das Feuer brennt seit 1988 von allein, doch zweimal in der Woche steigt noch immer jemand die 164 Stufen hinauf und putzt das Glas.'),
  ('first-light', 'cs', 'První světlo',
   'Budík na čtvrtou, termosku a druhý svetr.',
   'Barvy začínají tři čtvrtě hodiny před sluncem a většina lidí odejde dřív, než přijde to nejlepší.'),
  ('reading-the-tide-table', 'de', 'Die Gezeitentafel lesen',
   'Zweimal Hochwasser, zweimal Niedrigwasser, und jeden Tag fünfzig Minuten später.',
   'Den Rest sagt die Zwölftelregel.')
) AS row (slug, locale, title, lead, body)
ON CONFLICT DO NOTHING;

INSERT INTO content.comment (id, article_id, author, text, approved, created_at)
SELECT md5('acme/comment/' || slug || created_at)::uuid, md5('acme/article/' || slug)::uuid, author, text, approved, created_at::timestamptz
FROM (VALUES
  ('evening-in-the-harbour', 'Olga', 'The second picture would make a fine postcard.', true, '2026-09-15 08:02+00'),
  ('evening-in-the-harbour', 'R. Finch', 'Is that the old Dolphin on the left?', true, '2026-09-15 19:44+00'),
  ('evening-in-the-harbour', 'cheap-anchors', 'Best anchors, click here', false, '2026-09-16 03:10+00'),
  ('keeper-of-the-red-tower', 'Hugh', 'My grandfather was the last one to live there. 164 steps is right.', true, '2026-09-03 11:20+00'),
  ('first-light', 'Sam', 'We left too early. Of course we did.', true, '2026-08-22 09:00+00'),
  ('fish-soup-for-six', 'Ana', 'Four minutes is generous.', true, '2026-09-21 18:31+00'),
  ('fish-soup-for-six', 'Tom P.', 'Six? It was four at our table.', false, '2026-09-22 20:05+00')
) AS row (slug, author, text, approved, created_at)
ON CONFLICT DO NOTHING;

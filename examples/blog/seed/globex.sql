-- Content of the tenant globex: a mountain journal and an observatory's log.
--
-- Safe to run again: ids are derived from the names, and a row that is there already is left alone.
-- Column defaults of the schema are applied by the engine, not by PostgreSQL, so every not-null column is given here.

INSERT INTO content.site (id, slug, name)
SELECT md5('globex/site/' || slug)::uuid, slug, name
FROM (VALUES
  ('highlands', 'Globex High Country Journal'),
  ('observatory', 'The Observatory Log')
) AS row (slug, name)
ON CONFLICT DO NOTHING;

INSERT INTO content.author (id, name, email, bio, photo)
SELECT md5('globex/author/' || email)::uuid, name, email, bio, photo::jsonb
FROM (VALUES
  ('Jakob Steiner', 'jakob@globex.example', 'Mountain guide. Prefers the long way.',
   '{"key": "photos/ridge.jpg", "width": 1600, "height": 1067, "contentType": "image/jpeg"}'),
  ('Amara Diallo', 'amara@globex.example', 'Climbs what others walk around.',
   NULL),
  ('Petra Nováková', 'petra@globex.example', 'Keeps a hut in summer and an archive in winter.',
   '{"key": "photos/lake.jpg", "width": 1920, "height": 1080, "contentType": "image/jpeg"}'),
  ('Liu Wen', 'wen@globex.example', 'Night assistant at the observatory.',
   NULL)
) AS row (name, email, bio, photo)
ON CONFLICT DO NOTHING;

INSERT INTO content.tag (id, name)
SELECT md5('globex/tag/' || name)::uuid, name
FROM (VALUES ('climbing'), ('desert'), ('huts'), ('light'), ('maps'), ('stars'), ('water'), ('weather')) AS row (name)
ON CONFLICT DO NOTHING;

INSERT INTO content.article (id, slug, title, lead, body, state, published_at, site_id, author_id, cover)
SELECT md5('globex/article/' || slug)::uuid, slug, title, lead, body, state::content."ArticleState", published_at::timestamptz,
       md5('globex/site/' || site)::uuid, md5('globex/author/' || author || '@globex.example')::uuid, cover::jsonb
FROM (VALUES
  ('seven-ridges', 'Seven ridges', 'published', '2026-10-03 06:10+00', 'highlands', 'jakob',
   '{"key": "photos/ridge.jpg", "width": 1600, "height": 1067, "contentType": "image/jpeg"}',
   'On a hazy morning you can count how far you have to go: every ridge is a shade paler than the one before it.',
   'We counted seven, and the hut is behind the fifth.'),
  ('the-lake-that-doubles-everything', 'The lake that doubles everything', 'published', '2026-09-18 09:40+00', 'highlands', 'petra',
   '{"key": "photos/lake.jpg", "width": 1920, "height": 1080, "contentType": "image/jpeg"}',
   'There is no wind before nine.',
   'Sit on the flat stone at the outflow and you will not know which half of the mountain to climb.'),
  ('sunrise-from-the-saddle', 'Sunrise from the saddle', 'published', '2026-08-30 04:20+00', 'highlands', 'jakob',
   '{"key": "photos/sunrise.jpg", "width": 1600, "height": 1067, "contentType": "image/jpeg"}',
   'Two hours by head torch, then twenty minutes in which everything below turns from black to violet to something without a name.',
   'Two hours by head torch, then twenty minutes in which everything below turns from black to violet to something without a name.'),
  ('four-days-without-a-shadow', 'Four days without a shadow', 'published', '2026-05-12 14:00+00', 'highlands', 'amara',
   '{"key": "photos/desert.jpg", "width": 1400, "height": 1050, "contentType": "image/jpeg"}',
   'Carry six litres a day, each.',
   'There is a well on the map at kilometre 70. There is no well at kilometre 70.'),
  ('a-bed-in-the-hut', 'A bed in the hut', 'published', '2026-07-22 17:30+00', 'highlands', 'petra',
   NULL,
   'Boots off at the door, one blanket each, and the light goes out at ten.',
   'Whoever snores makes the tea.'),
  ('how-thunder-is-made', 'How thunder is made', 'published', '2026-07-02 11:00+00', 'highlands', 'jakob',
   NULL,
   'If you can hear it, you are close enough.',
   'If you can count it, divide by three. If your hair stands up, stop counting.'),
  ('the-ladder-pitch', 'The ladder pitch', 'draft', NULL, 'highlands', 'amara',
   '{"key": "photos/ridge.jpg", "width": 1600, "height": 1067, "contentType": "image/jpeg"}',
   'Draft.',
   'Check the bolts again before this goes out.'),
  ('paper-maps', 'Paper maps', 'archived', '2018-03-19 12:00+00', 'highlands', 'petra',
   NULL,
   'They do not run out of battery.',
   'They do blow away.'),
  ('green-curtains', 'Green curtains', 'published', '2026-10-11 23:50+00', 'observatory', 'wen',
   '{"key": "photos/aurora.jpg", "width": 1600, "height": 900, "contentType": "image/jpeg"}',
   'Kp 6 at midnight.',
   'The dome stayed shut: some things are too wide for a telescope. Oxygen at a hundred kilometres makes the green, nitrogen the violet edge.'),
  ('counting-perseids', 'Counting Perseids', 'published', '2026-08-13 02:15+00', 'observatory', 'wen',
   NULL,
   '212 in three hours, by four people, with one thermos.',
   'The corrected rate is left as an exercise.'),
  ('the-dome-sticks', 'The dome sticks', 'published', '2026-06-19 21:00+00', 'observatory', 'amara',
   NULL,
   'East bearing, again.',
   'Grease helps until June; after that it is the frame that swells.'),
  ('first-frost', 'First frost', 'draft', NULL, 'observatory', 'wen',
   NULL,
   'To be written when it comes.',
   'To be written when it comes.')
) AS row (slug, title, state, published_at, site, author, cover, lead, body)
ON CONFLICT DO NOTHING;

INSERT INTO content.article_tags (article_id, tag_id)
SELECT md5('globex/article/' || slug)::uuid, md5('globex/tag/' || tag)::uuid
FROM (VALUES
  ('seven-ridges', ARRAY['light', 'weather']),
  ('the-lake-that-doubles-everything', ARRAY['light', 'water']),
  ('sunrise-from-the-saddle', ARRAY['climbing', 'light']),
  ('four-days-without-a-shadow', ARRAY['desert', 'water']),
  ('a-bed-in-the-hut', ARRAY['huts']),
  ('how-thunder-is-made', ARRAY['weather']),
  ('the-ladder-pitch', ARRAY['climbing']),
  ('paper-maps', ARRAY['maps']),
  ('green-curtains', ARRAY['light', 'stars']),
  ('counting-perseids', ARRAY['stars']),
  ('the-dome-sticks', ARRAY['stars', 'weather']),
  ('first-frost', ARRAY['weather'])
) AS row (slug, tags), unnest(tags) AS tag
ON CONFLICT DO NOTHING;

-- The texts above are English; these are translations.
INSERT INTO content.article_locale (id, article_id, locale, title, lead, body)
SELECT md5('globex/locale/' || slug || '/' || locale)::uuid, md5('globex/article/' || slug)::uuid, locale, title, lead, body
FROM (VALUES
  ('seven-ridges', 'de', 'Sieben Kämme',
   'An einem dunstigen Morgen lässt sich abzählen, wie weit es noch ist: Jeder Kamm ist eine Spur heller als der davor.',
   'Wir zählten sieben, und die Hütte liegt hinter dem fünften.'),
  ('the-lake-that-doubles-everything', 'cs', 'Jezero, které všechno zdvojí',
   'Před devátou nefouká.',
   'Posaďte se na plochý kámen u odtoku a nebudete vědět, na kterou polovinu hory se vydat.'),
  ('a-bed-in-the-hut', 'de', 'Ein Bett in der Hütte',
   'Schuhe aus an der Tür, eine Decke für jeden, um zehn geht das Licht aus.',
   'Wer schnarcht, kocht den Tee.')
) AS row (slug, locale, title, lead, body)
ON CONFLICT DO NOTHING;

INSERT INTO content.comment (id, article_id, author, text, approved, created_at)
SELECT md5('globex/comment/' || slug || created_at)::uuid, md5('globex/article/' || slug)::uuid, author, text, approved, created_at::timestamptz
FROM (VALUES
  ('seven-ridges', 'Mira', 'Eight, if you count the one you are standing on.', true, '2026-10-04 17:12+00'),
  ('seven-ridges', 'win-a-holiday', 'You have been selected', false, '2026-10-05 02:59+00'),
  ('the-lake-that-doubles-everything', 'Ondřej', 'The flat stone is wet until ten.', true, '2026-09-19 07:07+00'),
  ('four-days-without-a-shadow', 'Bo', 'Can confirm about kilometre 70.', true, '2026-05-20 12:00+00'),
  ('green-curtains', 'Ida', 'We saw it 800 km further south.', true, '2026-10-12 06:40+00'),
  ('green-curtains', 'Wen', 'Then you had the better seats.', true, '2026-10-12 20:15+00'),
  ('counting-perseids', 'Noor', 'Was the thermos corrected for?', false, '2026-08-14 10:30+00')
) AS row (slug, author, text, approved, created_at)
ON CONFLICT DO NOTHING;

-- One row of each kind that the cases look at. Runs like the seed of the recorded corpus.
SET search_path = content;

INSERT INTO "product category" (category_code, label, slug, parent_code) VALUES
  (1, 'Furniture', 'furniture', NULL), (2, 'Chairs', 'chairs', 1), (3, 'Tables', 'tables', 1), (4, 'armchairs', NULL, 2);
INSERT INTO category_related VALUES (1, 2), (2, 3), (3, 3);
INSERT INTO category_synonyms VALUES (2, 4);
INSERT INTO country VALUES ('CZ', 'Czechia'), ('GER', 'Germany');
INSERT INTO media VALUES ('00000000-0000-0000-0000-0000000000a1', 'm1'), ('00000000-0000-0000-0000-0000000000a2', 'm2');
INSERT INTO tag VALUES ('00000000-0000-0000-0000-0000000000b1', 'red'), ('00000000-0000-0000-0000-0000000000b2', 'green'),
  ('00000000-0000-0000-0000-0000000000b3', '100%_\');
INSERT INTO specimen (name, text, integer, double, "decimal", flag, size, instant, day, clock, uuid, json,
  texts, integers, doubles, "decimals", flags, sizes, instants, days, clocks, uuids,
  second, local, whole_clock, any_decimal, plain_json, big, bigs, singles, small, single, link, links, blob) VALUES
  ('full', 'a', 1, 0.1, 12.5, true, 'small', '2024-01-02T03:04:05.678901Z', '2024-02-29', '13:45:00.5', '0000000a-0000-0000-0000-0000000000d1', '{"a": [1, "x", null], "b": {"c": true}}',
   '{a,b}', '{1,2}', '{0.5,1e10}', '{1.5,2}', '{t,f}', '{large,small}', '{2024-01-02T03:04:05Z,infinity}', '{2024-01-02}', '{01:02:03}', '{0000000a-0000-0000-0000-0000000000d1}',
   '2024-01-02T03:04:05.678901Z', '2024-01-02 03:04:05.678901', '13:45:00.5', 1.2300, '{"z":1,"a":2}', 2147483648, '{7,8}', '{1.5}', 7, 1.5, 'https://x.test', '{https://a.test,https://b.test}', '{"v": 1}'),
  ('odd', '', -1, 1e21, -0.01, false, 'large', '1999-12-31T23:59:59+02:00', '0099-01-01', '00:00', NULL, '"text"',
   '{}', '{}', NULL, '{}', '{}', '{medium}', '{}', '{}', '{}', '{}',
   NULL, '-infinity', NULL, 'NaN', '[1]', -1, NULL, NULL, -1, NULL, 'https://y.test', '{}', '[]');
INSERT INTO specimen (name, size, instant, day, json) VALUES ('none', 'medium', 'infinity', 'infinity', 'null');
INSERT INTO product (product_id, title, code, rank, owner, size, category_code, promoted_in, origin_id, specimen_id, hero_id) VALUES
  ('00000000-0000-0000-0000-0000000000c1', 'Chair', 'p1', 1, NULL, 'small', 2, 1, 'CZ', 'full', '00000000-0000-0000-0000-0000000000a1'),
  ('00000000-0000-0000-0000-0000000000c2', 'Table', 'p2', 2, NULL, 'large', 3, NULL, 'GER', 'odd', NULL),
  ('00000000-0000-0000-0000-0000000000c3', 'Stool', NULL, NULL, NULL, 'medium', 2, 1, NULL, NULL, NULL);
INSERT INTO detail VALUES ('00000000-0000-0000-0000-0000000000e1', 5, '00000000-0000-0000-0000-0000000000c1'),
  ('00000000-0000-0000-0000-0000000000e2', 9, '00000000-0000-0000-0000-0000000000c2');
INSERT INTO detail_note VALUES ('00000000-0000-0000-0000-0000000000f1', 'fragile', '00000000-0000-0000-0000-0000000000e1');
INSERT INTO product_tags VALUES ('00000000-0000-0000-0000-0000000000c1', '00000000-0000-0000-0000-0000000000b1'),
  ('00000000-0000-0000-0000-0000000000c1', '00000000-0000-0000-0000-0000000000b2'), ('00000000-0000-0000-0000-0000000000c2', '00000000-0000-0000-0000-0000000000b1');
INSERT INTO variant (id, sku, color, product_id, tag_id) VALUES
  ('00000000-0000-0000-0000-000000000011', 'v1', 'blue', '00000000-0000-0000-0000-0000000000c1', '00000000-0000-0000-0000-0000000000b1'),
  ('00000000-0000-0000-0000-000000000012', 'v2', 'blue', '00000000-0000-0000-0000-0000000000c1', '00000000-0000-0000-0000-0000000000b2'),
  ('00000000-0000-0000-0000-000000000013', 'v1', NULL, '00000000-0000-0000-0000-0000000000c2', NULL);
REFRESH MATERIALIZED VIEW search_word;

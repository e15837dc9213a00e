-- So many people, confirmed on an activity, with tickets that are numbers. {{block}} keeps activities apart.
INSERT INTO person (id, name, pinyin, pinyin_key, stroke_key, phone, home_id, created_at)
SELECT ('0190{{block}}-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, '张三' || i, 'zhangsan' || i,
  decode(lpad(to_hex(i), 16, '0'), 'hex'), decode(lpad(to_hex(i), 16, '0'), 'hex'), '+86{{block}}' || lpad(i::text, 9, '0'),
  (SELECT id FROM organisation WHERE parent_id IS NULL), now()
FROM generate_series(1, {{count}}) i;
INSERT INTO registration (id, activity_id, person_id, category_id, status, ticket_code, organisation_name, title, details,
  list_key, list_row, registered_at, status_at, priority, way)
SELECT ('0191{{block}}-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, '{{activity}}',
  ('0190{{block}}-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, '{{category}}', 'CONFIRMED', '{{block}}' || lpad(i::text, 12, '0'),
  '温州某某有限公司', '董事长', '{}', '{{activity}}', i, now(), now(), 0, 'ROSTER'
FROM generate_series(1, {{count}}) i;
UPDATE capacity_pool SET taken = taken + {{count}} WHERE activity_id = '{{activity}}' AND category_id IS NULL;
ANALYZE;

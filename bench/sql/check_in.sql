\set n :n + :clients
\set key :n + :client_id
WITH found AS (
  SELECT r.id, s.late_at, s.id AS session, get_byte(uuid_send(r.id), 15) % 8 AS shard
  FROM registration r JOIN session s ON s.activity_id = r.activity_id
  WHERE r.ticket_code = '{{block}}' || lpad(:key::text, 12, '0') AND s.id = '{{session}}' AND r.status = 'CONFIRMED'
    AND s.opens_at <= now() AND now() < s.closes_at
    AND NOT EXISTS (SELECT FROM attendance t WHERE t.session_id = s.id AND t.registration_id = r.id)
  FOR UPDATE OF r
), kept AS (
  INSERT INTO scan (id, session_id, client_id, registration_id, code, gate, direction, outcome, scanned_at, clock, received_at)
  SELECT gen_random_uuid(), session, gen_random_uuid(), id, 'code', '东门', 'ENTRY', 'ADMITTED', now(), 'SERVER', now() FROM found
  RETURNING id, registration_id
), noted AS (
  INSERT INTO attendance (id, session_id, registration_id, status, by_scans, first_in_at, first_gate, first_scan_id, last_in_at, is_inside, is_corrected, has_conflict)
  SELECT gen_random_uuid(), session, found.id, CASE WHEN now() < late_at THEN 'PRESENT' ELSE 'LATE' END, 'PRESENT', now(), '东门', kept.id, now(), true, false, false
  FROM found JOIN kept ON kept.registration_id = found.id
), counted AS (
  INSERT INTO tally (session_id, shard, present, late, left_early, excused, absent, unexpected, inside)
  SELECT session, shard, 1, 0, 0, 0, 0, 0, 1 FROM found
  ON CONFLICT (session_id, shard) DO UPDATE SET present = tally.present + 1, inside = tally.inside + 1
)
SELECT r.id, r.organisation_name, r.title, p.name, c.name FROM found JOIN registration r ON r.id = found.id
JOIN person p ON p.id = r.person_id LEFT JOIN category c ON c.id = r.category_id;

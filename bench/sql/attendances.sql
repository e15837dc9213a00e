-- All of an activity came to a session of it.
INSERT INTO scan (id, session_id, client_id, registration_id, code, gate, direction, outcome, scanned_at, clock, received_at)
SELECT ('0192' || substr(id::text, 5))::uuid, '{{session}}', ('0192' || substr(id::text, 5))::uuid, id, ticket_code, '东门', 'ENTRY', 'ADMITTED', now(), 'SERVER', now()
FROM registration WHERE activity_id = '{{activity}}';
INSERT INTO attendance (id, session_id, registration_id, status, by_scans, first_in_at, first_gate, first_scan_id, last_in_at, is_inside, is_corrected, has_conflict)
SELECT ('0193' || substr(id::text, 5))::uuid, '{{session}}', id, 'PRESENT', 'PRESENT', now(), '东门', ('0192' || substr(id::text, 5))::uuid, now(), true, false, false
FROM registration WHERE activity_id = '{{activity}}';
INSERT INTO tally (session_id, shard, present, late, left_early, excused, absent, unexpected, inside)
SELECT '{{session}}', 0, count(*), 0, 0, 0, 0, 0, count(*) FROM registration WHERE activity_id = '{{activity}}';
ANALYZE;

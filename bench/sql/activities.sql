SELECT a.id, a.title, a.status, a.starts_at, a.ends_at, a.venue, p.title, p.year, o.name,
  (SELECT count(*) FROM registration r WHERE r.activity_id = a.id AND r.status IN ('CONFIRMED', 'OFFERED')) AS taken, coalesce(present.count, 0)
FROM activity a JOIN programme p ON p.id = a.programme_id JOIN organisation o ON o.id = a.host_id
LEFT JOIN (SELECT s.activity_id, count(*) FROM attendance t JOIN session s ON s.id = t.session_id
  WHERE t.status IN ('PRESENT', 'LATE', 'LEFT_EARLY') GROUP BY s.activity_id) present ON present.activity_id = a.id
ORDER BY a.id DESC LIMIT 100;

-- By the index of activities and ids: with `activity_id = …` the plan reads all registrations that were made before.
SELECT r.*, c.name FROM registration r LEFT JOIN category c ON c.id = r.category_id
  WHERE (r.activity_id, r.id) > ('{{activity}}', '{{after}}') AND r.activity_id <= '{{activity}}' ORDER BY r.activity_id, r.id LIMIT 50;
SELECT * FROM person WHERE id IN (SELECT person_id FROM registration
  WHERE (activity_id, id) > ('{{activity}}', '{{after}}') AND activity_id <= '{{activity}}' ORDER BY activity_id, id LIMIT 50);
SELECT t.*, s.title FROM attendance t JOIN session s ON s.id = t.session_id WHERE t.registration_id IN (SELECT id FROM registration
  WHERE (activity_id, id) > ('{{activity}}', '{{after}}') AND activity_id <= '{{activity}}' ORDER BY activity_id, id LIMIT 50);

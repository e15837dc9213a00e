SELECT r.*, c.name FROM registration r LEFT JOIN category c ON c.id = r.category_id
  WHERE r.activity_id = '{{activity}}' AND r.id > '{{after}}' ORDER BY r.id LIMIT 50;
SELECT * FROM person WHERE id IN (SELECT person_id FROM registration
  WHERE activity_id = '{{activity}}' AND id > '{{after}}' ORDER BY id LIMIT 50);
SELECT t.*, s.title FROM attendance t JOIN session s ON s.id = t.session_id WHERE t.registration_id IN (SELECT id FROM registration
  WHERE activity_id = '{{activity}}' AND id > '{{after}}' ORDER BY id LIMIT 50);

"""What SQLite does by itself: `seed FILE ACTIVITY COUNT` registers so many people, `run FILE SECONDS` prints how many
check-ins a second one thread makes, each in a transaction of its own that is on the disk when it is done."""
import os
import sqlite3
import sys
import time
import uuid


def seed(path, activity, count):
    db = sqlite3.connect(path, timeout=30)
    home = db.execute("SELECT id FROM organisation WHERE parent_id IS NULL").fetchone()[0]
    at = "2026-11-01 01:00:00+00:00"
    activity = uuid.UUID(activity).bytes
    ids = [(i, uuid.UUID(int=(0x01900001 << 96) | (0x7000 << 64) | (0x8000 << 48) | i).bytes) for i in range(1, count + 1)]
    with db:
        db.executemany(
            "INSERT INTO person (id, name, pinyin, pinyin_key, stroke_key, phone, home_id, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            ((it, f"张三{i}", f"zhangsan{i}", it, it, f"+861{i:010}", home, at) for i, it in ids))
        db.executemany(
            "INSERT INTO registration (id, activity_id, person_id, status, ticket_code, details, list_key, list_row, registered_at,"
            " status_at, priority, way) VALUES (?, ?, ?, 'CONFIRMED', ?, '{}', ?, ?, ?, ?, 0, 'ROSTER')",
            ((it, activity, it, f"0001{i:012}", activity, i, at, at) for i, it in ids))
        db.execute("UPDATE capacity_pool SET taken = taken + ? WHERE activity_id = ? AND category_id IS NULL", (count, activity))


def run(path, seconds):
    if os.path.exists(path):
        os.remove(path)
    db = sqlite3.connect(path, isolation_level=None)
    db.executescript("""PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
        CREATE TABLE registration (id blob PRIMARY KEY, ticket_code text NOT NULL UNIQUE, status text NOT NULL, name text);
        CREATE TABLE scan (id blob PRIMARY KEY, session_id blob, client_id blob, registration_id blob REFERENCES registration, code text,
            gate text, outcome text, scanned_at text, received_at text, UNIQUE (session_id, client_id));
        CREATE INDEX scan_registration ON scan (registration_id, session_id);
        CREATE TABLE attendance (id blob PRIMARY KEY, session_id blob, registration_id blob REFERENCES registration, status text,
            first_in_at text, first_scan_id blob REFERENCES scan, UNIQUE (session_id, registration_id));
        CREATE INDEX attendance_registration ON attendance (registration_id);
        CREATE TABLE tally (session_id blob PRIMARY KEY, present integer NOT NULL);""")
    session = uuid.uuid4().bytes
    db.execute("BEGIN")
    db.executemany("INSERT INTO registration VALUES (?, ?, 'CONFIRMED', '张三')", ((uuid.uuid4().bytes, f"{i:016}") for i in range(60_000)))
    db.execute("INSERT INTO tally VALUES (?, 0)", (session,))
    db.execute("COMMIT")
    done = 0
    begun = time.perf_counter()
    while time.perf_counter() - begun < seconds:
        db.execute("BEGIN IMMEDIATE")
        found = db.execute("SELECT id, name FROM registration WHERE ticket_code = ? AND status = 'CONFIRMED'", (f"{done:016}",)).fetchone()
        known = db.execute("SELECT 1 FROM attendance WHERE session_id = ? AND registration_id = ?", (session, found[0])).fetchone()
        assert known is None
        scan = uuid.uuid4().bytes
        db.execute("INSERT INTO scan VALUES (?, ?, ?, ?, ?, '东门', 'ADMITTED', '2026-11-01', '2026-11-01')", (scan, session, scan, found[0], "code"))
        db.execute("INSERT INTO attendance VALUES (?, ?, ?, 'PRESENT', '2026-11-01', ?)", (scan, session, found[0], scan))
        db.execute("UPDATE tally SET present = present + 1 WHERE session_id = ?", (session,))
        db.execute("COMMIT")
        done += 1
    print(done / (time.perf_counter() - begun))


if sys.argv[1] == "seed":
    seed(sys.argv[2], sys.argv[3], int(sys.argv[4]))
else:
    run(sys.argv[2], float(sys.argv[3]))

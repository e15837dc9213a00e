// Lists beside pgbench: the contract's page of registrations at three sizes, and a hundred activities with their figures.
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { always, byTurns, load, perSecond } from './lib/load.mjs';
import { database, pgbench, script, sql } from './lib/postgres.mjs';
import { activity, serve, signIn, statements, uuid } from './lib/server.mjs';

const operation = (name) => readFileSync(new URL(`../api/tests/it/operations/${name}.graphql`, import.meta.url), 'utf8').replace(/^#.*$/gm, '');
const PAGE = operation('registrations');
const ACTIVITIES = operation('activities').replace('seatsTaken', 'seatsTaken attended');
/** QINGLAN_BENCH_SIZES=10000,1000000,10000000 takes an hour and 15 GB. */
const SIZES = (process.env.QINGLAN_BENCH_SIZES ?? '10000,100000,1000000').split(',').map(Number);
/** What is not of the contract: the lists below a session. */
const SESSION = (list) => `query($id: ID!) { session(id: $id) { ${list}(first: 50) { edges { cursor node { id } } pageInfo { hasNextPage } } } }`;
const START = '00000000-0000-0000-0000-000000000000';

export async function lists({ folder, scratch, note }) {
  const url = database('lists');
  const env = { DATABASE_URL: url, QINGLAN_DATA_DIR: join(scratch, 'lists') };
  mkdirSync(env.QINGLAN_DATA_DIR);
  const binary = join(folder, 'qinglan');
  const server = await serve(binary, env);
  const post = (query, variables, clients, seconds = 4) => load(`${server.url}/graphql`, scratch, always(organiser.token, query, variables), { clients, seconds });
  const organiser = await signIn(binary, env, server);
  try {
    const first = {};
    for (const [nth, size] of SIZES.entries()) {
      const forum = await activity(organiser, `论坛${size}`);
      const category = await organiser.ask('mutation($input: CreateCategoryInput!) { createCategory(input: $input) { category { id } userErrors { message } } }', { activityId: forum.id, name: '企业家' });
      const block = `000${nth + 1}`;
      sql(url, script('people.sql', { block, count: size, activity: uuid(forum.id), category: uuid(category.category.id) }));
      sql(url, script('attendances.sql', { activity: uuid(forum.id), session: uuid(forum.session) }));
      const variables = { activityId: forum.id, first: 50 };
      const rate = async (query) => perSecond((await post(query, { id: forum.session }, 8)).rate);
      const page = await byTurns(3, () => post(PAGE, variables, 32),
        async () => pgbench(url, scratch, script('page.sql', { activity: uuid(forum.id), after: START }), { clients: 32, seconds: 4 }));
      first[size] = page.a;
      note(`the contract's page of 50 of ${size.toLocaleString('en')} registrations, 32 clients; over pgbench's three statements`, `${page.ratio.toFixed(2)} (${perSecond(page.a)} over ${perSecond(page.b)}, p99 ${page.p99.toFixed(0)} ms)`, '≥ 0.45');
      const came = { attendances: await rate(SESSION('attendances')), scans: await rate(SESSION('scans')) };
      note(`pages of 50 a second of those who came to a session, and of its scans, of ${size.toLocaleString('en')}, 8 clients`, `${came.attendances} and ${came.scans}`, 'flat');
      if (nth === 0) {
        const each = async (clients) => {
          const before = await statements(server.url);
          const { requests } = await post(PAGE, variables, clients);
          return (await statements(server.url) - before) / requests;
        };
        note('statements for each of these requests at 1 and at 32 clients', `${(await each(1)).toFixed(2)} and ${(await each(32)).toFixed(2)}`, 'the same');
      }
      if (size >= 100_000) {
        // The page from position 99,901 on.
        const deep = await cursorAt(organiser, forum.id, 99_900);
        const turns = await byTurns(3, () => post(PAGE, { ...variables, after: deep }, 32), () => post(PAGE, variables, 32));
        note(`the page at position 100,000 of ${size.toLocaleString('en')}; the first page's time over it`, `${(1 / turns.ratio).toFixed(2)} × the time`, '≤ 1.2 ×');
      }
    }
    sql(url, hundred());
    const figures = await byTurns(3, () => post(ACTIVITIES, { first: 100 }, 32),
      async () => pgbench(url, scratch, script('activities.sql'), { clients: 32, seconds: 4 }));
    note('100 activities with seats taken and present counts, 32 clients; over pgbench with the grouped query', `${figures.ratio.toFixed(1)} (${perSecond(figures.a)} over ${perSecond(figures.b)})`, '≥ 3');
  } finally {
    await server.stop();
  }
}

/** The cursor of the nth registration: pages are walked to it, a hundred at a time, once. */
async function cursorAt({ ask }, id, nth) {
  const query = 'query($id: ID!, $after: String) { activity(id: $id) { registrations(first: 100, after: $after) { pageInfo { endCursor } } } }';
  let after = null;
  for (let at = 0; at < nth; at += 100) {
    after = (await ask(query, undefined, { id, after })).registrations.pageInfo.endCursor;
  }
  return after;
}

/** A hundred activities more, each with 200 who are registered and came: of the people of the first. */
const hundred = () => `
CREATE TEMP TABLE made AS SELECT ('0195' || substr(md5('a' || i), 5))::uuid AS id, ('0196' || substr(md5('s' || i), 5))::uuid AS session, i FROM generate_series(1, 100) i;
INSERT INTO activity (id, programme_id, kind, host_id, title, status, time_zone, starts_at, ends_at, created_at, approval, offer_minutes)
  SELECT made.id, programme_id, kind, host_id, '活动' || i, 'PUBLISHED', time_zone, starts_at, ends_at, created_at, approval, offer_minutes
  FROM made, (SELECT * FROM activity ORDER BY id LIMIT 1) a;
INSERT INTO capacity_pool (id, activity_id, size, taken, held, overbooked) SELECT gen_random_uuid(), id, 500, 200, 0, 0 FROM made;
INSERT INTO session (id, activity_id, title, starts_at, ends_at, opens_at, late_at, closes_at, credit_centihours)
  SELECT session, made.id, '场次', s.starts_at, s.ends_at, s.opens_at, s.late_at, s.closes_at, 0 FROM made, (SELECT * FROM session ORDER BY id LIMIT 1) s;
INSERT INTO registration (id, activity_id, person_id, status, ticket_code, details, list_key, list_row, registered_at, status_at, priority, way)
  SELECT ('0197' || substr(md5(made.i || '-' || n), 5))::uuid, made.id, ('01900001-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'CONFIRMED',
    'T' || lpad(made.i::text, 5, '0') || lpad(n::text, 10, '0'), '{}', made.id, n, now(), now(), 0, 'ROSTER' FROM made, generate_series(1, 200) n;
INSERT INTO attendance (id, session_id, registration_id, status, by_scans, is_inside, is_corrected, has_conflict)
  SELECT gen_random_uuid(), made.session, r.id, 'PRESENT', 'PRESENT', true, false, false FROM made JOIN registration r ON r.activity_id = made.id;
INSERT INTO tally (session_id, shard, present, late, left_early, excused, absent, unexpected, inside) SELECT session, 0, 200, 0, 0, 0, 0, 0, 200 FROM made;
ANALYZE;
`;

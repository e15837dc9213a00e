// Check-ins a second, on PostgreSQL beside pgbench and on SQLite beside one thread that commits each.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { always, byTurns, load, perSecond } from './lib/load.mjs';
import { database, pgbench, script, sql } from './lib/postgres.mjs';
import { activity, serve, session, signIn, uuid } from './lib/server.mjs';

const DOCUMENT = readFileSync(new URL('../api/tests/it/operations/check_in.graphql', import.meta.url), 'utf8').replace(/^#.*$/gm, '');
const SECONDS = 4;
const ROUNDS = 3;

export async function checkIns(bench) {
  await onPostgres(bench);
  await onSqlite(bench);
}

/** Each request checks in somebody else: `code` is Lua for the ticket of the nth. */
function scans(token, sessionId, code) {
  const input = JSON.stringify({ query: DOCUMENT, variables: { input: { sessionId, ticketCode: '@CODE', scanId: '@SCAN', gate: '东门' } } });
  const [head, between, tail] = input.split(/@CODE|@SCAN/);
  return `${always(token, '', {})}
local n = 0
${code}
function request()
  n = n + 1
  return wrk.format(nil, '/graphql', nil, [==[${head}]==] .. code(n) .. [==[${between}]==] .. string.format('00000000-0000-4000-8000-%012x', n) .. [==[${tail}]==])
end
`;
}

async function onPostgres({ folder, scratch, note }) {
  const url = database('check_in');
  const env = { DATABASE_URL: url, QINGLAN_DATA_DIR: join(scratch, 'check_in') };
  const binary = join(folder, 'qinglan');
  mkdirSync(env.QINGLAN_DATA_DIR);
  const server = await serve(binary, env);
  try {
    const organiser = await signIn(binary, env, server);
    const forum = await activity(organiser);
    const category = await organiser.ask('mutation($input: CreateCategoryInput!) { createCategory(input: $input) { category { id } userErrors { message } } }', { activityId: forum.id, name: '企业家' });
    const count = 200_000;
    sql(url, script('people.sql', { block: '0001', count, activity: uuid(forum.id), category: uuid(category.category.id) }));
    for (const [clients, aim] of [[32, '≥ 1.3'], [8, '≥ 0.6'], [1, '≥ 0.6']]) {
      const measured = await byTurns(ROUNDS, async () => {
        const at = await session(organiser, forum.id);
        const done = await load(server.url, scratch, scans(organiser.token, at, "local function code(n) return string.format('0001%012d', n) end"), { clients, seconds: SECONDS });
        const kept = Number(sql(url, `SELECT count(*) FROM attendance WHERE session_id = '${uuid(at)}'`));
        const counted = Number(sql(url, `SELECT sum(present) FROM tally WHERE session_id = '${uuid(at)}'`));
        // Those that were under way at the end have no answer; nothing that was answered may be missing.
        if (kept < Math.min(done.requests, count) || kept !== counted) throw new Error(`${done.requests} answered, ${kept} kept, ${counted} counted`);
        return done;
      }, async () => {
        const at = await session(organiser, forum.id);
        return pgbench(url, scratch, script('check_in.sql', { block: '0001', session: uuid(at) }), { clients, seconds: SECONDS, set: { n: 1, clients } });
      });
      note(`check-ins at ${clients} clients, PostgreSQL, durable; over pgbench's one statement`, `${measured.ratio.toFixed(2)} (${perSecond(measured.a)} over ${perSecond(measured.b)}, p99 ${measured.p99.toFixed(0)} ms)`, aim);
    }
  } finally {
    await server.stop();
  }
}

async function onSqlite({ folder, scratch, note }) {
  const env = { QINGLAN_DATA_DIR: join(scratch, 'check_in_sqlite') };
  env.DATABASE_URL = `sqlite://${env.QINGLAN_DATA_DIR}/qinglan.db`;
  mkdirSync(env.QINGLAN_DATA_DIR);
  const binary = join(folder, 'qinglan');
  const limit = (...args) => execFileSync('python3', [new URL('lib/sqlite_limit.py', import.meta.url).pathname, ...args.map(String)], { encoding: 'utf8' });
  const server = await serve(binary, env);
  try {
    const organiser = await signIn(binary, env, server);
    const forum = await activity(organiser);
    limit('seed', `${env.QINGLAN_DATA_DIR}/qinglan.db`, uuid(forum.id), 30_000);
    const measured = await byTurns(ROUNDS, async () => {
      const at = await session(organiser, forum.id);
      return load(server.url, scratch, scans(organiser.token, at, "local function code(n) return string.format('0001%012d', n) end"), { clients: 32, seconds: SECONDS });
    }, async () => Number(limit('run', join(scratch, 'limit.db'), SECONDS)));
    note('check-ins at 32 clients, SQLite, synchronous=FULL; over one thread, one transaction each', `${measured.ratio.toFixed(2)} (${perSecond(measured.a)} over ${perSecond(measured.b)}), p99 ${measured.p99.toFixed(0)} ms`, '≥ 1.4, p99 < 100 ms, no error');
    const found = spawnSync(binary, ['recompute'], { env: { ...process.env, ...env }, encoding: 'utf8' });
    if (found.status !== 0) throw new Error(found.stdout + found.stderr);
  } finally {
    await server.stop();
  }
}

// A server of the release build, and somebody signed in to it.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const PASSWORD = 'correct horse battery staple';

/** Runs a command of the binary; throws if it fails. */
export function command(binary, env, args, input) {
  const done = spawnSync(binary, args, { env: { ...process.env, ...env }, input, encoding: 'utf8', maxBuffer: 1 << 28 });
  if (done.status !== 0) throw new Error(`${args.join(' ')}: ${done.stderr}`);
  return done.stdout;
}

/** Starts a server on a database; resolves when it answers, with its address and how long that took in milliseconds. */
export async function serve(binary, env) {
  const started = performance.now();
  const server = spawn(binary, ['serve'], {
    // One client asks as often as a city: it is counted as everywhere, and never refused.
    env: {
      ...process.env, QINGLAN_LISTEN: '127.0.0.1:0', QINGLAN_LOG: 'info,sqlx=warn', QINGLAN_REQUESTS_PER_ACCOUNT: '1000000000',
      QINGLAN_REQUESTS_PER_DOOR: '1000000000', QINGLAN_REQUESTS_PER_ADDRESS: '1000000000', ...env,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  const url = await new Promise((resolve, reject) => {
    server.stderr.on('data', (piece) => {
      log += piece;
      const found = log.match(/serving at (http:\/\/[0-9.:]+)/);
      if (found) resolve(found[1]);
    });
    server.on('exit', (code) => reject(new Error(`the server ended with ${code}: ${log}`)));
  });
  const ready = await fetch(`${url}/readyz`);
  if (!ready.ok) throw new Error(`not ready: ${ready.status}`);
  const elapsed = performance.now() - started;
  const stop = () => new Promise((done) => { server.on('exit', done); server.kill('SIGTERM'); });
  return { url, elapsed, pid: server.pid, stop, log: () => log };
}

/** Memory of a process in MB: VmRSS now, VmHWM at its highest. */
export function memory(pid, what) {
  return Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(new RegExp(`${what}:\\s+(\\d+)`))[1]) / 1024;
}

/** From now on VmHWM is the highest since now. */
export const forgetPeak = (pid) => writeFileSync(`/proc/${pid}/clear_refs`, '5');

/** How many statements the server has sent so far. */
export async function statements(url) {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(text.match(/^qinglan_sql_statements (\d+)/m)[1]);
}

/** Makes an administrator and signs in; `ask(query, input)` gives the first field of the data. */
export async function signIn(binary, env, server) {
  command(binary, env, ['admin', 'create', '--username', 'bench', '--password-stdin'], PASSWORD);
  let token;
  const ask = async (query, input, more = {}) => {
    const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
    const body = JSON.stringify({ query, variables: { input, ...more } });
    const send = () => fetch(`${server.url}/graphql`, { method: 'POST', headers, body });
    // While SQL ran, the server may have let go of the connection: then nothing was sent.
    const answer = await send().catch(send);
    const { data, errors } = await answer.json();
    const refused = data && Object.values(data).flatMap((it) => it?.userErrors ?? []);
    if (errors || refused?.length) throw new Error(JSON.stringify(errors ?? refused));
    return Object.values(data)[0];
  };
  const signedIn = await ask('mutation($input: SignInInput!) { signIn(input: $input) { tokens { accessToken } viewer { grants { scope { ... on Organisation { id } } } } userErrors { message } } }', { username: 'bench', password: PASSWORD });
  token = signedIn.tokens.accessToken;
  return { ask, token, root: signedIn.viewer.grants[0].scope.id };
}

/** A published activity with one session, whose door is open now. */
export async function activity({ ask, root }, title = '论坛') {
  const programme = await ask('mutation($input: CreateProgrammeInput!) { createProgramme(input: $input) { programme { id } userErrors { message } } }', { kind: 'FESTIVAL', title: '企业家节', year: 2026, ownerId: root });
  const made = await ask('mutation($input: CreateActivityInput!) { createActivity(input: $input) { activity { id sessions { id } } userErrors { message } } }', { programmeId: programme.programme.id, title, sessions: [openNow(title)] });
  await ask('mutation($input: PublishActivityInput!) { publishActivity(input: $input) { userErrors { message } } }', { activityId: made.activity.id });
  return { id: made.activity.id, session: made.activity.sessions[0].id };
}

/** One more session of an activity, whose door is open now. */
export async function session({ ask }, activityId) {
  const made = await ask('mutation($input: CreateSessionInput!) { createSession(input: $input) { session { id } userErrors { message } } }', { activityId, session: openNow('又一场') });
  return made.session.id;
}

function openNow(title) {
  const at = (hours) => new Date(Date.now() + hours * 3_600_000).toISOString();
  return { title, startsAt: at(0.5), endsAt: at(8) };
}

/** The UUID in a public id. */
export function uuid(id) {
  const hex = id.split('_')[1];
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

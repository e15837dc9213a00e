// Measures the main job on SQLite with the release binary: start, idle memory, a list of 20,000, the demo.
// Needs Node 20 and Linux (memory is read from /proc). Everything happens in a temporary folder and on loopback.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const binary = process.argv[2];
const folder = mkdtempSync(join(tmpdir(), 'qinglan-bench-'));
const ROWS = 20_000;
const PASSWORD = 'a password for one bench';

/** Starts the server; resolves when it answers, with its address and how long that took. */
async function serve(dataDir) {
  const started = performance.now();
  const server = spawn(binary, ['serve'], {
    env: { ...process.env, DATABASE_URL: `sqlite://${dataDir}/qinglan.db`, QINGLAN_DATA_DIR: dataDir, QINGLAN_LISTEN: '127.0.0.1:0' },
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
  return { url, elapsed, pid: server.pid, stop: () => new Promise((done) => { server.on('exit', done); server.kill('SIGTERM'); }) };
}

/** Memory of a process in MB: VmRSS now, VmHWM at its highest. */
function memory(pid, what) {
  return Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(new RegExp(`${what}:\\s+(\\d+)`))[1]) / 1024;
}

function command(dataDir, args, input) {
  const env = { ...process.env, DATABASE_URL: `sqlite://${dataDir}/qinglan.db`, QINGLAN_DATA_DIR: dataDir };
  const done = spawnSync(binary, args, { env, input, encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`${args.join(' ')}: ${done.stderr}`);
}

let token;
let server;
async function ask(query, input) {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  const answer = await fetch(`${server.url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query, variables: { input } }) });
  const { data, errors } = await answer.json();
  const refused = data && Object.values(data).flatMap((it) => it?.userErrors ?? []);
  if (errors || refused?.length) throw new Error(JSON.stringify(errors ?? refused));
  return Object.values(data)[0];
}

/** A list of synthetic people; no two have one phone. */
function list(rows) {
  const surnames = [...'张王李赵陈林黄周吴徐孙胡朱高单仇解查曾区'];
  const given = [...'伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰辉'];
  const lines = ['序号,姓名,性别,单位名称,职务,手机号码,民族,政治面貌,县(市、区),是否住宿,是否用餐,抵达时间,车牌号,推荐单位,备注'];
  for (let at = 0; at < rows; at += 1) {
    const name = surnames[at % 20] + given[at % 27] + given[(at * 7) % 27];
    lines.push(`${at + 1},${name},${at % 2 ? '男' : '女'},温州市某某${at % 900}有限公司,总经理,${16000000000 + at},汉,群众,鹿城区,是,是,2026年11月1日,浙C${10000 + (at % 90000)},市服装商会,第${at}行`);
  }
  return lines.join('\n');
}

try {
  command(folder, ['admin', 'create', '--username', 'bench', '--password-stdin'], PASSWORD);
  // A new server each time; the middle one of five.
  const starts = [];
  let idle = 0;
  for (let round = 0; round < 5; round += 1) {
    const it = await serve(folder);
    starts.push(it.elapsed);
    idle = memory(it.pid, 'VmRSS');
    await it.stop();
  }
  starts.sort((a, b) => a - b);

  server = await serve(folder);
  const signedIn = await ask('mutation($input: SignInInput!) { signIn(input: $input) { tokens { accessToken } viewer { grants { scope { ... on Organisation { id } } } } userErrors { message } } }', { username: 'bench', password: PASSWORD });
  token = signedIn.tokens.accessToken;
  const programme = await ask('mutation($input: CreateProgrammeInput!) { createProgramme(input: $input) { programme { id } userErrors { message } } }', { kind: 'FESTIVAL', title: '企业家节', year: 2026, ownerId: signedIn.viewer.grants[0].scope.id });
  const activity = await ask('mutation($input: CreateActivityInput!) { createActivity(input: $input) { activity { id } userErrors { message } } }', { programmeId: programme.programme.id, title: '论坛', sessions: [{ title: '论坛', startsAt: '2026-11-01T09:00:00+08:00', endsAt: '2026-11-01T17:00:00+08:00' }] });
  const uploaded = await fetch(`${server.url}/uploads`, { method: 'POST', headers: { authorization: `Bearer ${token}`, 'content-disposition': 'attachment; filename="list.csv"' }, body: list(ROWS) });
  const upload = await uploaded.json();
  let started = performance.now();
  const staged = await ask('mutation($input: StageRosterInput!) { stageRoster(input: $input) { batch { id counts { persons } } userErrors { message } } }', { activityId: activity.activity.id, uploadId: upload.id, profile: 'EVENT' });
  const stage = performance.now() - started;
  if (staged.batch.counts.persons !== ROWS) throw new Error(`${staged.batch.counts.persons} persons`);
  started = performance.now();
  const committed = await ask('mutation($input: CommitRosterInput!) { commitRoster(input: $input) { batch { registered } userErrors { message } } }', { batchId: staged.batch.id });
  const commit = performance.now() - started;
  if (committed.batch.registered !== ROWS) throw new Error(`${committed.batch.registered} registered`);
  const peak = memory(server.pid, 'VmHWM');
  await server.stop();

  const demoFolder = mkdtempSync(join(folder, 'demo-'));
  started = performance.now();
  command(demoFolder, ['demo']);
  const demo = performance.now() - started;

  const seconds = (ms) => `${(ms / 1000).toFixed(2)} s`;
  console.log(`| what | measured | aim |
|---|---|---|
| ready on an existing database, middle of five | ${starts[2].toFixed(0)} ms | < 200 ms |
| resident when idle | ${idle.toFixed(0)} MB | < 60 MB |
| a list of 20,000 staged | ${seconds(stage)} | < 5 s |
| … and committed | ${seconds(commit)} | < 10 s |
| peak memory of both | ${peak.toFixed(0)} MB | < 300 MB |
| the demo's year | ${seconds(demo)} | < 20 s |`);
} finally {
  await server?.stop().catch(() => {});
  rmSync(folder, { recursive: true, force: true });
}

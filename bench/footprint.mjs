// What the service takes: how soon it answers, its memory when idle, the size of the binary, the demo.
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { command, memory, serve, signIn } from './lib/server.mjs';

export async function footprint({ folder, scratch, note }) {
  const data = join(scratch, 'footprint');
  mkdirSync(data);
  const env = { DATABASE_URL: `sqlite://${data}/qinglan.db`, QINGLAN_DATA_DIR: data };
  const binary = join(folder, 'qinglan');
  const server = await serve(binary, env);
  await signIn(binary, env, server);
  await server.stop();
  // A new server each time; the middle one of five.
  const starts = [];
  let idle = 0;
  for (let round = 0; round < 5; round += 1) {
    const it = await serve(binary, env);
    starts.push(it.elapsed);
    idle = memory(it.pid, 'VmRSS');
    await it.stop();
  }
  starts.sort((a, b) => a - b);
  note('ready on an existing database, middle of five', `${starts[2].toFixed(0)} ms`, '≤ 100 ms');
  note('resident when idle', `${idle.toFixed(0)} MB`, '≤ 40 MB');
  note('the binary', `${(statSync(binary).size / 1e6).toFixed(0)} MB`, '≤ 60 MB with PDFs');
  const demo = join(scratch, 'demo');
  mkdirSync(demo);
  const started = performance.now();
  command(binary, { DATABASE_URL: `sqlite://${demo}/qinglan.db`, QINGLAN_DATA_DIR: demo }, ['demo']);
  note("the demo's year", `${((performance.now() - started) / 1000).toFixed(2)} s`, '< 20 s');
}

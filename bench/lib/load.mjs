// Requests over many clients, by wrk: a client as cheap as pgbench, so that both leave the same to what is measured.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Requests a second and their 99th percentile in milliseconds. `lua` makes `request`; `clients` connections for `seconds`. */
export async function load(url, scratch, lua, { clients, seconds }) {
  const file = join(scratch, 'wrk.lua');
  writeFileSync(file, `${lua}
local wrong = 0
function response(status, headers, body)
  if status ~= 200 or body:find('"errors"', 1, true) then
    if wrong == 0 then io.stderr:write(status, ' ', body:sub(1, 500), '\\n') end
    wrong = wrong + 1
  end
end
`);
  const child = spawn('wrk', ['-t1', `-c${clients}`, `-d${seconds}s`, '--latency', '--timeout', '10s', '-s', file, url]);
  let out = '';
  let errors = '';
  child.stdout.on('data', (it) => { out += it; });
  child.stderr.on('data', (it) => { errors += it; });
  const status = await new Promise((done) => { child.on('close', done); });
  if (status !== 0 || errors || /Non-2xx|Socket errors: .*(connect|read|write) [1-9]/.test(out)) throw new Error(`wrk: ${out} ${errors}`);
  const [, value, unit] = out.match(/99%\s+([0-9.]+)(us|ms|s)/);
  const requests = Number(out.match(/(\d+) requests in/)[1]);
  return { rate: Number(out.match(/Requests\/sec:\s+([0-9.]+)/)[1]), p99: value * { us: 0.001, ms: 1, s: 1000 }[unit], requests };
}

/** One request over and over. */
export const always = (token, query, variables) => `
wrk.method = 'POST'
wrk.body = [==[${JSON.stringify({ query, variables })}]==]
wrk.headers['content-type'] = 'application/json'
wrk.headers['authorization'] = 'Bearer ${token}'
`;

/** A and B by turns, so that what else the machine does falls on both; the median of each, and of the ratios A to B. */
export async function byTurns(rounds, a, b) {
  const all = [];
  for (let round = 0; round < rounds; round += 1) all.push({ b: await b(round), a: await a(round) });
  const median = (list) => list.sort((x, y) => x - y)[Math.floor(list.length / 2)];
  return {
    a: median(all.map((it) => it.a.rate ?? it.a)),
    b: median(all.map((it) => it.b.rate ?? it.b)),
    ratio: median(all.map((it) => (it.a.rate ?? it.a) / (it.b.rate ?? it.b))),
    p99: median(all.map((it) => it.a.p99 ?? 0)),
  };
}

export const perSecond = (it) => `${Math.round(it).toLocaleString('en')}/s`;

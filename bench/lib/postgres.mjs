// PostgreSQL's own tools, which set the limits: psql and pgbench on databases of the cluster of scripts/with-postgres.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const server = process.env.TEST_DATABASE_URL;
/** Where a program is: beside the server's, on PATH, or where Debian keeps it, which is not on PATH. */
function tool(name) {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => b - a).map((it) => join(debian, it, 'bin')) : [];
  const folder = [process.env.PGBIN, ...process.env.PATH.split(':'), ...versions].find((it) => existsSync(join(it, name)));
  if (!folder) throw new Error(`${name} is missing (Debian: apt-get install postgresql)`);
  return join(folder, name);
}

function run(name, args, input) {
  const done = spawnSync(tool(name), args, { input, encoding: 'utf8', maxBuffer: 1 << 28 });
  if (done.status !== 0) throw done.error ?? new Error(`${name}: ${done.stderr}`);
  return done.stdout;
}

/** A new database; its address. */
export function database(name) {
  run('psql', [server, '-qc', `CREATE DATABASE ${name}`]);
  return server.replace(/\/[^/]*$/, `/${name}`);
}

/** Runs SQL; what it gives, unaligned. */
export const sql = (url, text) => run('psql', [url, '-qAtX', '-v', 'ON_ERROR_STOP=1', '-f', '-'], text).trim();

/** A file of SQL beside this one with its `:names` filled in. */
export function script(name, values = {}) {
  const text = readFileSync(new URL(`../sql/${name}`, import.meta.url), 'utf8');
  return Object.entries(values).reduce((it, [key, value]) => it.replaceAll(`{{${key}}}`, String(value)), text);
}

/** Transactions a second of a script over so many clients. */
export function pgbench(url, scratch, text, { clients, seconds, set = {} }) {
  const file = join(scratch, 'pgbench.sql');
  writeFileSync(file, text);
  const values = Object.entries(set).flatMap(([key, value]) => ['-D', `${key}=${value}`]);
  const out = run('pgbench', ['-n', '-M', 'prepared', '-c', clients, '-j', Math.min(clients, 2), '-T', seconds, ...values, '-f', file, url].map(String));
  if (/number of failed transactions: [1-9]/.test(out)) throw new Error(out);
  return Number(out.match(/tps = ([0-9.]+)/)[1]);
}

/** Seconds that psql takes to copy a query into a file, the best of `rounds`. */
export function copy(url, query, file) {
  const started = performance.now();
  run('psql', [url, '-qX', '-v', 'ON_ERROR_STOP=1', '-c', `\\copy (${query}) TO '${file}' CSV HEADER`]);
  return (performance.now() - started) / 1000;
}

// Lists that go out: CSV beside psql's \copy of the same query, XLSX beside rust_xlsxwriter alone on rows in memory.
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { byTurns } from './lib/load.mjs';
import { copy, database, script, sql } from './lib/postgres.mjs';
import { activity, forgetPeak, memory, serve, signIn, uuid } from './lib/server.mjs';

export async function exports({ folder, scratch, note }) {
  const url = database('exports');
  const env = { DATABASE_URL: url, QINGLAN_DATA_DIR: join(scratch, 'exports') };
  mkdirSync(env.QINGLAN_DATA_DIR);
  const binary = join(folder, 'qinglan');
  const server = await serve(binary, env);
  try {
    const organiser = await signIn(binary, env, server);
    /** Seconds and bytes of one export, fetched and thrown away by curl, which costs about what psql does. */
    const take = async (activityId, format) => {
      const made = await organiser.ask('mutation($input: CreateExportInput!) { createExport(input: $input) { export { url } userErrors { message } } }', { activityId, format, purpose: '测量' });
      const started = performance.now();
      const bytes = Number(execFileSync('curl', ['-sSf', '-o', '/dev/null', '-w', '%{size_download}', server.url + made.export.url], { encoding: 'utf8' }));
      return { seconds: (performance.now() - started) / 1000, bytes };
    };
    for (const [block, count, format, aim] of [['0001', 1_000_000, 'CSV', '≤ 0.85, +30 MB'], ['0002', 100_000, 'XLSX', '≤ 1.5, +30 MB'], ['0003', 10_000, 'CSV', 'flat'], ['0004', 100_000, 'CSV', 'flat']]) {
      const forum = await activity(organiser, `论坛${count}`);
      const category = await organiser.ask('mutation($input: CreateCategoryInput!) { createCategory(input: $input) { category { id } userErrors { message } } }', { activityId: forum.id, name: '企业家' });
      sql(url, script('people.sql', { block, count, activity: uuid(forum.id), category: uuid(category.category.id) }));
      sql(url, script('attendances.sql', { activity: uuid(forum.id), session: uuid(forum.session) }));
      const query = `SELECT p.name, r.organisation_name, r.title, p.phone, c.name, t.status, t.first_in_at, t.first_gate FROM registration r JOIN person p ON p.id = r.person_id LEFT JOIN category c ON c.id = r.category_id LEFT JOIN attendance t ON t.registration_id = r.id AND t.session_id = '${uuid(forum.session)}' WHERE r.activity_id = '${uuid(forum.id)}' AND r.status = 'CONFIRMED' ORDER BY r.list_key, r.list_row, r.id`;
      await take(forum.id, format);
      const before = memory(server.pid, 'VmRSS');
      forgetPeak(server.pid);
      let bytes = 0;
      const turns = await byTurns(3, async () => {
        const it = await take(forum.id, format);
        bytes = it.bytes;
        return it.seconds;
      }, async () => (format === 'CSV' ? copy(url, query, join(scratch, 'copy.csv'))
        : Number(execFileSync(join(folder, 'examples/workbook'), [String(count)], { encoding: 'utf8' }))));
      const more = Math.max(0, memory(server.pid, 'VmHWM') - before);
      const beside = format === 'CSV' ? "psql's \\copy" : 'rust_xlsxwriter alone';
      note(`${format} of ${count.toLocaleString('en')} attendances; its time over ${beside}`, `${turns.ratio.toFixed(2)} (${turns.a.toFixed(2)} s over ${turns.b.toFixed(2)} s, ${(turns.a / count * 1e6).toFixed(1)} µs a row, ${(bytes / 1e6).toFixed(0)} MB), +${more.toFixed(0)} MB`, aim);
    }
  } finally {
    await server.stop();
  }
}

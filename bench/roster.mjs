// A list of 20,000 people, staged and committed, beside psql's \copy of the parsed columns into a table.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { database, sql } from './lib/postgres.mjs';
import { activity, forgetPeak, memory, serve, signIn } from './lib/server.mjs';

const ROWS = 20_000;

/** A list of synthetic people; no two have one phone. */
function people(rows, from) {
  const surnames = [...'张王李赵陈林黄周吴徐孙胡朱高单仇解查曾区'];
  const given = [...'伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰辉'];
  return Array.from({ length: rows }, (_, at) => {
    const name = surnames[at % 20] + given[at % 27] + given[(at * 7) % 27];
    return [at + 1, name, at % 2 ? '男' : '女', `温州市某某${at % 900}有限公司`, '总经理', 16000000000 + from + at, '汉', '群众', '鹿城区', '是', '是', '2026年11月1日', `浙C${10000 + (at % 90000)}`, '市服装商会', `第${at}行`];
  });
}
const HEADER = '序号,姓名,性别,单位名称,职务,手机号码,民族,政治面貌,县(市、区),是否住宿,是否用餐,抵达时间,车牌号,推荐单位,备注';

export async function roster({ folder, scratch, note }) {
  for (const kind of ['PostgreSQL', 'SQLite']) {
    const data = join(scratch, `roster-${kind}`);
    mkdirSync(data);
    const url = kind === 'PostgreSQL' ? database('roster') : `sqlite://${data}/qinglan.db`;
    const env = { DATABASE_URL: url, QINGLAN_DATA_DIR: data };
    const binary = join(folder, 'qinglan');
    const server = await serve(binary, env);
    try {
      const organiser = await signIn(binary, env, server);
      const before = memory(server.pid, 'VmRSS');
      forgetPeak(server.pid);
      const all = [];
      for (let round = 0; round < 3; round += 1) {
        const list = people(ROWS, round * ROWS);
        let copied;
        if (kind === 'PostgreSQL') {
          const file = join(scratch, 'list.csv');
          writeFileSync(file, list.map((row) => row.join(',')).join('\n'));
          sql(url, `DROP TABLE IF EXISTS copied; CREATE TABLE copied (${list[0].map((_, at) => `c${at} text`).join(', ')}, PRIMARY KEY (c0))`);
          const started = performance.now();
          sql(url, `\\copy copied FROM '${file}' CSV`);
          copied = (performance.now() - started) / 1000;
        }
        const { id } = await activity(organiser, `论坛${round}`);
        const body = `${HEADER}\n${list.map((row) => row.join(',')).join('\n')}`;
        const uploaded = await (await fetch(`${server.url}/uploads`, { method: 'POST', headers: { authorization: `Bearer ${organiser.token}`, 'content-disposition': 'attachment; filename="list.csv"' }, body })).json();
        let started = performance.now();
        const staged = await organiser.ask('mutation($input: StageRosterInput!) { stageRoster(input: $input) { batch { id counts { persons } } userErrors { message } } }', { activityId: id, uploadId: uploaded.id, profile: 'EVENT' });
        const stage = (performance.now() - started) / 1000;
        if (staged.batch.counts.persons !== ROWS) throw new Error(`${staged.batch.counts.persons} persons`);
        started = performance.now();
        const committed = await organiser.ask('mutation($input: CommitRosterInput!) { commitRoster(input: $input) { batch { registered } userErrors { message } } }', { batchId: staged.batch.id });
        const commit = (performance.now() - started) / 1000;
        if (committed.batch.registered !== ROWS) throw new Error(`${committed.batch.registered} registered`);
        all.push({ stage, commit, copied });
      }
      all.sort((a, b) => a.stage + a.commit - b.stage - b.commit);
      const it = all[1];
      const peak = memory(server.pid, 'VmHWM') - before;
      const over = it.copied ? `${((it.stage + it.commit) / it.copied).toFixed(1)} × (${it.copied.toFixed(2)} s); ` : '';
      note(`a list of 20,000 staged and committed, ${kind}${it.copied ? '; over psql copying the parsed columns' : ''}`, `${over}${it.stage.toFixed(2)} s + ${it.commit.toFixed(2)} s, +${peak.toFixed(0)} MB`, it.copied ? '≤ 4' : '');
    } finally {
      await server.stop();
    }
  }
}

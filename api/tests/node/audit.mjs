// node audit.mjs URL: the audits of GraphQL over HTTP that the package graphql-http has. Every MUST and every SHOULD.
import { serverAudits } from 'graphql-http';

const [, , url] = process.argv;
const results = await Promise.all(serverAudits({ url }).map((it) => it.fn()));
// `ok`; `notice` of a MAY, `warn` of a SHOULD, `error` of a MUST that is not kept.
const kept = results.filter((it) => it.status === 'ok');
for (const it of results.filter((it) => it.status !== 'ok')) {
  console.log(`${it.status} ${it.id} ${it.name}: ${it.reason}`);
}
console.log(`${kept.length} of ${results.length} audits`);
process.exitCode = results.length >= 60 && results.every((it) => ['ok', 'notice'].includes(it.status)) ? 0 : 1;

// Measures the release build: see README.md beside this file. `node main.mjs FOLDER_OF_THE_BINARY [PART…]`.
// Everything happens in temporary folders, on databases made for it, and on loopback.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { checkIns } from './check_in.mjs';
import { exports } from './export.mjs';
import { footprint } from './footprint.mjs';
import { lists } from './list.mjs';
import { roster } from './roster.mjs';

const PARTS = { footprint, checkIns, lists, exports, roster };
const [folder, ...wanted] = process.argv.slice(2);
for (const name of wanted) if (!PARTS[name]) throw new Error(`there is no part ${name}: ${Object.keys(PARTS)}`);

const scratch = mkdtempSync(join(tmpdir(), 'qinglan-bench-'));
const rows = [];
/** Takes down a figure: what it is, what was measured, what is aimed at. Shown at once, and again as a table. */
const note = (what, measured, aim = '') => {
  rows.push(`| ${what} | ${measured} | ${aim} |`);
  console.log(`${what}: ${measured}${aim && ` (aim: ${aim})`}`);
};
try {
  for (const [name, part] of Object.entries(PARTS)) {
    if (wanted.length === 0 || wanted.includes(name)) await part({ folder, scratch, note });
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
console.log(`\n| what | measured | aim |\n|---|---|---|\n${rows.join('\n')}`);

// A process that writes until it is killed, for output-contract.test.ts: node output-process.ts KIND FOLDER
import { setTimeout as pause } from 'node:timers/promises';
import { pattern } from '../package-folder.ts';
import { OUTPUT_KINDS } from './output-kinds.ts';

const [kind = '', folder = ''] = process.argv.slice(2);
const set = await OUTPUT_KINDS[kind === 'tar' ? 'tar' : 'folder'].open(folder);
const first = await set.create('a.vmdk');
await first.append(pattern(100_000));
const complete = await first.complete();
const second = await set.create('b.vmdk');
await second.append(pattern(2_000_000, 2));
process.stdout.write(`${JSON.stringify(complete)}\n`);
for (;;) await pause(60_000);

// The entry of the program in one file: what run.js reads from beside it is inside here. esbuild bundles it, see bin/build/package/bundle.ts.
import { basename } from 'node:path';
import process from 'node:process';
import { isSea } from 'node:sea';
import manifest from '../oclif.manifest.json' with { type: 'json' };
import pjson from '../package.json' with { type: 'json' };
import { watchStandardOutput } from '../src/cli/standard-output.ts';
import { COMMAND_LOADERS, QUICK_ANSWERS } from '../src/commands/loaders.ts';

// Node opens its inspector on SIGUSR1, and whoever reaches its port can then run code here. The binary has an option of Node for that,
// see bin/build/package/binary.ts; this is for the bundle as a script.
process.on('SIGUSR1', () => {});

const argv = process.argv.slice(2);
/** Node.js leaves in `argv` not the name by which a binary was called. Tests run the bundle as a script. */
const calledAs = isSea() ? process.argv0 : (process.argv[1] ?? '');

async function run(): Promise<void> {
  const { main } = await import('../src/cli/main.ts');
  const commands = { commands: COMMAND_LOADERS, quickAnswers: QUICK_ANSWERS };
  await main({ calledAs, argv, bundle: { root: '/', pjson, manifest, ...commands } });
}

// Answered before oclif is loaded, and in its words.
if (argv[0] === '--version' && basename(calledAs) !== 'hyperctl') {
  watchStandardOutput();
  process.stdout.write(`${pjson.name}/${pjson.version} ${process.platform}-${process.arch} node-${process.version}\n`);
} else void run();

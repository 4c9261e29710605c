import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeBinary } from '../../../bin/build/package/binary.ts';
import { ARCHES, prepareNodeBase, type Arch } from '../../../bin/build/package/node-base.ts';
import { name, root, version } from '../../../bin/build/package/project.ts';
import { readPositive } from '../bench-disks.ts';
import { describeHost, markdownTable } from '../contest.ts';
import { median } from '../measured-run.ts';

/**
 * `npm run bench:startup -- [--runs N]`
 * Measures how long the binary takes to print its version and its help.
 * The peer is a binary of an empty program that was built in the same way.
 * The binary is that of `npm run package`, or the one in HYPER2KVM_BINARY.
 */
const { values } = parseArgs({ options: { runs: { type: 'string', default: '30' } } });
const runs = readPositive('--runs', values.runs);
const arch = hostArch();
const binary = process.env['HYPER2KVM_BINARY'] ?? join(root, 'dist-bin', `${name}-${version}-linux-${arch}`);
if (!existsSync(binary)) throw new Error(`There is no ${binary}: run npm run package first.`);

interface Contestant {
  title: string;
  command: string;
  args: string[];
  /** The target for the ratio to the empty program on an idle machine. */
  aim?: number;
  milliseconds: number[];
}

const work = mkdtempSync(join(tmpdir(), 'hyper2kvm-startup-'));
try {
  const contestants = prepare(await makeEmptyProgram(work));
  for (let run = 0; run < runs; run += 1) for (const contestant of contestants) measure(contestant);
  console.log(`Median of ${runs} and the least, in milliseconds; ${describeHost()}.\n`);
  console.log(table(contestants));
} finally {
  rmSync(work, { recursive: true, force: true });
}

function makeEmptyProgram(folder: string): Promise<string> {
  const bundle = join(folder, 'empty.cjs');
  writeFileSync(bundle, '');
  return makeBinary({ arch, base: prepareNodeBase(arch, folder), bundle, codeCache: true });
}

function prepare(empty: string): Contestant[] {
  return [
    { title: 'a program that does nothing', command: empty, args: [], milliseconds: [] },
    { title: '`--version`', command: binary, args: ['--version'], aim: 1.5, milliseconds: [] },
    { title: '`--help`', command: binary, args: ['--help'], aim: 3, milliseconds: [] },
    { title: '`export --help`', command: binary, args: ['export', '--help'], milliseconds: [] },
    { title: '`status`', command: binary, args: ['status'], milliseconds: [] },
  ];
}

function measure({ command, args, milliseconds }: Contestant): void {
  const startedAt = process.hrtime.bigint();
  const { status, stderr } = spawnSync(command, args, { env: {}, encoding: 'utf8' });
  milliseconds.push(Number(process.hrtime.bigint() - startedAt) / 1e6);
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${stderr}`);
}

function table(contestants: readonly Contestant[]): string {
  const [empty] = contestants;
  const rows = contestants.map(({ title, aim, milliseconds }) => {
    const least = Math.min(...milliseconds);
    const ratio = (of: (all: number[]) => number) => (of(milliseconds) / of(empty?.milliseconds ?? [])).toFixed(2);
    return [
      title,
      median(milliseconds).toFixed(0),
      least.toFixed(0),
      ratio(median),
      ratio((all) => Math.min(...all)),
      aim?.toString() ?? '',
    ];
  });
  return markdownTable(['', 'median', 'least', 'ratio', 'ratio of the least', 'aim'], rows);
}

function hostArch(): Arch {
  const found = ARCHES.find((known) => known === process.arch);
  if (found === undefined) throw new Error(`There is no binary for ${process.arch}.`);
  return found;
}

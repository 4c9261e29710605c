import { mkdir, rm, stat } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findOracle } from '../../oracles/find-oracle.ts';
import { outputOf } from '../../oracles/run-program.ts';
import { mixedContent, writeRawFile } from '../../server/content-source.ts';
import { measureRun, median, type MeasuredRun } from '../measured-run.ts';

/**
 * `npm run bench:convert`: every conversion beside `qemu-img convert` on the same file, in turn and several times, the results compared. Ratios are ours to the peer's:
 * under 1 is faster. `--tree FOLDER` makes the disk an ext4 file system with that folder in it, as a guest's disk is; without it the disk is synthetic.
 */
const { values } = parseArgs({
  options: {
    'size-mib': { type: 'string', default: '4096' },
    runs: { type: 'string', default: '3' },
    tree: { type: 'string' },
  },
});
const runs = Number(values.runs);
const sizeBytes = Number(values['size-mib']) * 1024 * 1024;
const folder = join(tmpdir(), 'hyper2kvm-bench-convert');
const CLI = fileURLToPath(new URL('../../../bin/run.js', import.meta.url));
const found = findOracle('qemu-img');
if (found === undefined) throw new Error('qemu-img is not installed: it is the peer');
const qemuImg: string = found;

interface Row {
  title: string;
  source: string;
  own: string[];
  peer: string[];
  format: string;
}

const raw = join(folder, 'disk.raw');
const stream = join(folder, 'disk-stream.vmdk');
const sparse = join(folder, 'disk-sparse.vmdk');
const ROWS: Row[] = [
  { title: 'streamOptimized → qcow2', source: stream, own: [], peer: ['-O', 'qcow2'], format: 'qcow2' },
  { title: 'streamOptimized → raw', source: stream, own: ['--format', 'raw'], peer: ['-O', 'raw'], format: 'raw' },
  {
    title: 'streamOptimized → compressed',
    source: stream,
    own: ['--compress'],
    peer: ['-c', '-O', 'qcow2'],
    format: 'qcow2',
  },
  { title: 'monolithicSparse → qcow2', source: sparse, own: ['--no-verify'], peer: ['-O', 'qcow2'], format: 'qcow2' },
  {
    title: 'monolithicSparse → qcow2, read back',
    source: sparse,
    own: ['--verify'],
    peer: ['-O', 'qcow2'],
    format: 'qcow2',
  },
  {
    title: 'sparse raw → qcow2',
    source: raw,
    own: ['--no-verify'],
    peer: ['-f', 'raw', '-O', 'qcow2'],
    format: 'qcow2',
  },
];

await mkdir(folder, { recursive: true });
await makeSources();
console.log(
  `Disk of ${(sizeBytes / 2 ** 30).toFixed(1)} GiB, median of ${runs} runs in turn; ${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.versions.node}`,
);
console.log('\n                                      seconds  peer s   wall    CPU   peak MB');
for (const row of ROWS) await compare(row);

async function makeSources(): Promise<void> {
  if (await stat(raw).catch(() => undefined)) return;
  if (values.tree) {
    await outputOf('truncate', ['-s', String(sizeBytes), raw]);
    await outputOf('mke2fs', ['-q', '-t', 'ext4', '-d', values.tree, raw]);
  } else await writeRawFile(mixedContent(sizeBytes, 'bench'), raw);
  await outputOf(qemuImg, ['convert', '-f', 'raw', '-O', 'vmdk', '-o', 'subformat=streamOptimized', raw, stream]);
  await outputOf(qemuImg, ['convert', '-f', 'raw', '-O', 'vmdk', '-o', 'subformat=monolithicSparse', raw, sparse]);
}

async function compare({ title, source, own, peer, format }: Row): Promise<void> {
  const [ours, theirs] = [join(folder, `ours.${format}`), join(folder, `theirs.${format}`)];
  const ownRuns: MeasuredRun[] = [];
  const peerRuns: MeasuredRun[] = [];
  for (let run = 0; run < runs; run += 1) {
    await rm(ours, { force: true });
    ownRuns.push(await measureRun(process.execPath, [CLI, 'convert', source, '-o', ours, '--quiet', ...own], {}));
    await rm(theirs, { force: true });
    peerRuns.push(await measureRun(qemuImg, ['convert', ...peer, source, theirs], {}));
  }
  await outputOf(qemuImg, ['compare', '-f', 'raw', '-F', format, raw, ours]);
  const seconds = median(ownRuns.map((run) => run.seconds));
  const peerSeconds = median(peerRuns.map((run) => run.seconds));
  const cpu = median(ownRuns.map((run) => run.cpuSeconds)) / median(peerRuns.map((run) => run.cpuSeconds));
  const peak = Math.max(...ownRuns.map((run) => run.peakMemoryMb));
  const cells = [
    seconds.toFixed(2),
    peerSeconds.toFixed(2),
    (seconds / peerSeconds).toFixed(2),
    cpu.toFixed(2),
    peak.toFixed(0),
  ];
  console.log(`${title.padEnd(36)} ${cells.map((cell) => cell.padStart(7)).join(' ')}`);
}

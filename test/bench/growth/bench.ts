import { rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { mixedContent } from '../../server/content-source.ts';
import {
  makeBenchFolder,
  makeStreamDisk,
  makeVmdk,
  measureOwn,
  readPositive,
  requireQemuImg,
  requireSame,
} from '../bench-disks.ts';
import { describeHost, markdownTable } from '../contest.ts';
import { median, type MeasuredRun } from '../measured-run.ts';
import { serveDisk } from '../serve-disk.ts';

/**
 * `npm run bench:growth -- [--used-mib N,N,…] [--runs N]`
 * Runs the same work on disks of increasing size. Time must grow linearly with the used space; memory must not grow.
 * Sources are created and removed one by one: TMPDIR needs at most about 2.2 times the size of the largest disk.
 */
const { values } = parseArgs({
  options: { 'used-mib': { type: 'string', default: '1024,4096,16384' }, runs: { type: 'string', default: '1' } },
});
const runs = readPositive('--runs', values.runs);
const usedMib = values['used-mib'].split(',').map((text) => readPositive('--used-mib', text));
const qemuImg = requireQemuImg();
await using folder = await makeBenchFolder();
const stream = join(folder.path, 'stream.vmdk');
const sparse = join(folder.path, 'sparse.vmdk');
const image = join(folder.path, 'image.qcow2');
const exported = join(folder.path, 'exported');

const rows: { job: string; usedBytes: number; all: MeasuredRun[] }[] = [];
await requireRoom(Math.max(...usedMib) * 2 ** 20);
for (const mib of usedMib) await measureSize(mib * 2 ** 20);
console.log(`Text and random data in turn, median of ${runs}; ${describeHost()}.\n`);
console.log(table());

async function requireRoom(largestBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder.path);
  if (bavail * bsize < largestBytes * 2.2) {
    throw new Error(
      `${folder.path} has no room for disks of ${largestBytes} bytes: set TMPDIR, or give less --used-mib`,
    );
  }
}

async function measureSize(usedBytes: number): Promise<void> {
  // Three fifths of this content are not zero.
  const content = mixedContent(Math.round(usedBytes / 0.6 / 65536) * 65536, 'growth');
  await makeStreamDisk(stream, content);
  await measure('streamOptimized → qcow2', usedBytes, image, stream, () =>
    measureOwn(['convert', stream, '-o', image]),
  );
  await measureExport(usedBytes, content.capacityBytes);
  await makeVmdk(qemuImg, stream, 'monolithicSparse', sparse);
  await rm(stream);
  await measure('monolithicSparse → qcow2', usedBytes, image, sparse, () =>
    measureOwn(['convert', sparse, '-o', image, '--no-verify']),
  );
  await rm(sparse);
}

async function measureExport(usedBytes: number, capacityBytes: number): Promise<void> {
  await using served = await serveDisk(stream, capacityBytes);
  const flags = ['export', 'bench', '-o', exported, '--format', 'qcow2', '--compress'];
  const result = join(exported, 'bench-disk-1.qcow2');
  const env = { ...served.ownEnv, XDG_STATE_HOME: join(folder.path, 'state') };
  await measure('export → compressed qcow2', usedBytes, result, stream, () => measureOwn(flags, env));
}

async function measure(
  job: string,
  usedBytes: number,
  result: string,
  source: string,
  run: () => Promise<MeasuredRun>,
): Promise<void> {
  const all: MeasuredRun[] = [];
  for (let round = 1; round <= runs; round += 1) {
    process.stderr.write(`${round}/${runs} ${job}, ${usedBytes / 2 ** 30} GiB\n`);
    all.push(await run());
    if (round === runs) await requireSame(qemuImg, ['-f', 'vmdk', '-F', 'qcow2', source, result]);
    await rm(result);
    await rm(exported, { recursive: true, force: true });
  }
  rows.push({ job, usedBytes, all });
}

function table(): string {
  const header = ['', 'GiB used', 's', 's per GiB', 'processor s per GiB', 'peak MB'];
  const cells = rows
    .toSorted((a, b) => a.job.localeCompare(b.job) || a.usedBytes - b.usedBytes)
    .map(({ job, usedBytes, all }) => {
      const gib = usedBytes / 2 ** 30;
      const seconds = median(all.map((run) => run.seconds));
      const cpuSeconds = median(all.map((run) => run.cpuSeconds));
      const peak = Math.max(...all.map((run) => run.peakMemoryMb));
      return [
        job,
        gib.toString(),
        seconds.toFixed(1),
        (seconds / gib).toFixed(2),
        (cpuSeconds / gib).toFixed(2),
        peak.toFixed(0),
      ];
    });
  return markdownTable(header, cells);
}

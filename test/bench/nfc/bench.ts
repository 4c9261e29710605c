import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { makeBenchFolder, readPositive, requireQemuImg } from '../bench-disks.ts';
import { describeHost } from '../contest.ts';
import { benchLink } from './link.ts';
import { benchReads } from './reads.ts';
import { benchRounds } from './rounds.ts';

/**
 * `npm run bench:nfc -- [--only reads,link,rounds] [--size-mib N] [--ext4-mib N] [--link-mib N] [--rounds-gib N,N,…]
 * [--runs N] [--json FILE]`
 * Measures random-access reads over NFC, from the test server in a process of its own.
 * reads: a disk that does not compress, and an ext4 disk that is half empty, over TLS on the loopback, to raw and qcow2;
 * the same disks through the export lease, and by nbdcopy from qemu-nbd with TLS, in turn.
 * link: the same through a relay with 60 ms round trip and 6 MB/s.
 * rounds: `sync` of a virtual disk on which 100 MiB changed in 500 places, and nothing.
 * The files are created below TMPDIR, which needs about four times the sizes, and as much free space as the largest
 * virtual disk: the test server reports the capacity of a thin disk as its used space. A small run:
 * `--size-mib 128 --ext4-mib 256 --link-mib 24 --rounds-gib 1,4 --runs 1`.
 */
const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'reads,link,rounds' },
    'size-mib': { type: 'string', default: '2048' },
    'ext4-mib': { type: 'string', default: '4096' },
    'link-mib': { type: 'string', default: '256' },
    'rounds-gib': { type: 'string', default: '1,10,100' },
    runs: { type: 'string', default: '3' },
    json: { type: 'string' },
  },
});
const MiB = 2 ** 20;
const sections = new Set(values.only.split(','));
const randomBytes = readPositive('--size-mib', values['size-mib']) * MiB;
const ext4Bytes = readPositive('--ext4-mib', values['ext4-mib']) * MiB;
const linkBytes = readPositive('--link-mib', values['link-mib']) * MiB;
const sizes = values['rounds-gib'].split(',').map((text) => readPositive('--rounds-gib', text));
const runs = readPositive('--runs', values.runs);
await using folder = await makeBenchFolder();
const place = { folder: folder.path, qemuImg: requireQemuImg(), runs };
console.log(`${describeHost()}, median of ${runs} in turn.\n`);
const reads = sections.has('reads') ? await benchReads(place, { randomBytes, ext4Bytes }) : undefined;
const link = sections.has('link') ? await benchLink(place, linkBytes) : undefined;
const rounds = sections.has('rounds') ? await benchRounds(place, sizes) : undefined;
if (values.json !== undefined) {
  const document = { host: describeHost(), date: new Date().toISOString(), runs, reads, link, rounds };
  await writeFile(values.json, `${JSON.stringify(document, undefined, 2)}\n`);
}

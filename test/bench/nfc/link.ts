import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { randomContent, sparseContent, writeRawFile, type ContentSource } from '../../server/content-source.ts';
import { measureOwn, requireSame } from '../bench-disks.ts';
import { markdownTable } from '../contest.ts';
import { measureRun, median } from '../measured-run.ts';
import { startBenchServer } from './bench-server.ts';
import { requirePeer, startNbd } from './nbd.ts';
import type { BenchPlace } from './reads.ts';
import { startRelay } from './relay.ts';

const LINK = { roundTripMs: 60, bytesPerSecond: 6_000_000 };
/** A second address of the loopback, where the relay listens. The servers listen on the first one. */
const RELAY_HOST = '127.0.0.2';
const NBD_PORT = 10_881;

interface LinkRow {
  disk: string;
  program: string;
  seconds: number;
  wireBytes: number;
  /** Bytes on the wire per second of the whole run, as a part of the rate of the link. */
  ofLink: number;
}

/** A disk that does not compress, and one of which five sixths are zeros, through a slow link. */
export async function benchLink(place: BenchPlace, capacityBytes: number): Promise<LinkRow[]> {
  const dataBytes = Math.floor(capacityBytes / 6 / 65_536) * 65_536;
  const full = randomContent(capacityBytes, 'link');
  const sixth = sparseContent(capacityBytes, [{ offsetBytes: 0, lengthBytes: dataBytes, fill: 'random' }], 'link');
  const rows = [
    ...(await benchDisk(place, full, 'does not compress')),
    ...(await benchDisk(place, sixth, 'five sixths zeros')),
  ];
  console.log(`Disks of ${capacityBytes / 2 ** 20} MiB through a relay with 60 ms round trip and 6 MB/s.\n`);
  const plain = rows[0]?.seconds ?? Number.NaN;
  console.log(
    markdownTable(
      ['disk', 'program', 's', 'MB on the wire', 'of the link', 'of a plain copy'],
      rows.map(({ disk, program, seconds, wireBytes, ofLink }) => [
        disk,
        program,
        seconds.toFixed(1),
        (wireBytes / 1e6).toFixed(1),
        ofLink.toFixed(3),
        (seconds / plain).toFixed(3),
      ]),
    ),
  );
  console.log('');
  return rows;
}

async function benchDisk(
  { folder, qemuImg, runs }: BenchPlace,
  content: ContentSource,
  disk: string,
): Promise<LinkRow[]> {
  const raw = join(folder, 'link.raw');
  const output = join(folder, 'out');
  await writeRawFile(content, raw);
  await using server = await startBenchServer({
    nfc: { kind: 'raw', path: raw, capacityBytes: content.capacityBytes },
  });
  await using nbd = await startNbd(raw, folder, NBD_PORT);
  await server.ask({ ask: 'host', host: RELAY_HOST });
  const port = server.nfcPort;
  await using nfcRelay = await startRelay({ host: RELAY_HOST, port }, { host: '127.0.0.1', port }, LINK);
  const nbdPlace = { host: '127.0.0.1', port: NBD_PORT };
  await using nbdRelay = await startRelay({ ...nbdPlace, host: RELAY_HOST }, nbdPlace, LINK);
  const env = { ...server.env, XDG_STATE_HOME: join(folder, 'state') };
  const flags = ['export', 'nfc', '-o', output, '--transport', 'nfc', '--format', 'raw'];
  const programs = [
    {
      program: '`nbdcopy`',
      relay: nbdRelay,
      image: join(output, 'disk.raw'),
      run: () => measureRun(requirePeer('nbdcopy'), [nbd.uri(RELAY_HOST), join(output, 'disk.raw')]),
    },
    {
      program: '`hyper2kvm export --transport nfc`',
      relay: nfcRelay,
      image: join(output, 'nfc-disk-1.raw'),
      run: () => measureOwn(flags, env),
    },
  ];
  const measured = programs.map(({ program }) => ({ program, seconds: [] as number[], wire: [] as number[] }));
  for (let round = 0; round < runs; round += 1) {
    for (const [index, { program, relay, image, run }] of programs.entries()) {
      process.stderr.write(`${round + 1}/${runs} ${program}, link, ${disk}\n`);
      await rm(output, { recursive: true, force: true });
      await mkdir(output);
      const before = relay.sentBytes;
      measured[index]?.seconds.push((await run()).seconds);
      measured[index]?.wire.push(relay.sentBytes - before);
      if (round === 0) await requireSame(qemuImg, ['-f', 'raw', '-F', 'raw', image, raw]);
    }
  }
  return measured.map(({ program, seconds: all, wire }) => {
    const seconds = median(all);
    const wireBytes = median(wire);
    return { disk, program, seconds, wireBytes, ofLink: wireBytes / seconds / LINK.bytesPerSecond };
  });
}

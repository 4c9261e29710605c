import {
  randomContent,
  rawFileContent,
  sparseContent,
  dataRanges,
  type ContentSource,
} from '../../server/content-source.ts';
import { fileDigest } from '../../server/lease-file.ts';
import { startTestServer } from '../../server/test-server.ts';

/** A disk of the server: a raw file, a ready streamOptimized file (for the lease only), or mostly zeros. */
export type BenchDisk =
  | { kind: 'raw'; path: string; capacityBytes: number }
  | { kind: 'stream'; path: string; capacityBytes: number }
  | { kind: 'sparse'; capacityBytes: number; dataBytes: number };

/** What the parent process asks for. Each message is answered. */
export type BenchRequest =
  /** CPU time of this process so far. */
  | { ask: 'cpu' }
  /** The guest of a VM writes random data to this many places of its disk. */
  | { ask: 'write'; vm: string; places: number; bytesEach: number; seed: number }
  /** From now on, tickets name this address instead of the server's own. */
  | { ask: 'host'; host: string };

export interface BenchServed {
  url: string;
  username: string;
  password: string;
  thumbprint: string;
  nfcPort: number;
}

/**
 * The server process of `bench:nfc`: `serve.ts JSON`, with a {@link BenchDisk} for each VM by name. VMs with a sparse disk
 * run, and their changes are tracked.
 */
const vms = JSON.parse(process.argv[2] ?? '{}') as Record<string, BenchDisk>;
const MiB = 2 ** 20;

const server = await startTestServer({
  diskHost: 'self',
  nfc: {},
  vms: await Promise.all(
    Object.entries(vms).map(async ([name, disk], index) => ({
      name,
      moRef: `vm-${index + 1}`,
      powerState: disk.kind === 'sparse' ? ('poweredOn' as const) : ('poweredOff' as const),
      ...(disk.kind === 'sparse' && { changeTracking: { enabled: true } }),
      disks: [{ content: await contentOf(disk) }],
    })),
  ),
});
for (const disk of Object.values(vms)) if (disk.kind === 'stream') await fileDigest(disk.path);
for (const name of Object.keys(vms)) {
  if (vms[name]?.kind === 'stream') continue;
  // The comparison with the lease is measured by itself: this server compresses a disk for it each time.
  server.faults.add({ on: 'ExportVm', target: name, action: 'soap-fault', fault: 'NotSupported', times: 10_000 });
}

process.on('message', (request: BenchRequest) => {
  if (request.ask === 'write') {
    const capacityBytes = vms[request.vm]?.capacityBytes ?? 0;
    const step = Math.floor(capacityBytes / request.places / 512) * 512;
    for (let place = 0; place < request.places; place += 1) {
      const seed = `${request.seed} ${place}`;
      server.disks.write(request.vm, 0, place * step, { random: request.bytesEach, seed });
    }
  }
  if (request.ask === 'host') {
    server.faults.add({ on: 'nfc', action: 'other-host', host: request.host, times: 10_000 });
  }
  const { user, system } = process.cpuUsage();
  process.send?.({ cpuSeconds: (user + system) / 1e6 });
});
process.once('disconnect', () => void server.close());
process.send?.({
  url: server.url.href,
  username: server.username,
  password: server.password,
  thumbprint: server.thumbprint.sha256,
  nfcPort: server.nfc?.port ?? 0,
} satisfies BenchServed);

async function contentOf(disk: BenchDisk): Promise<ContentSource | { file: string; capacityBytes: number }> {
  const { capacityBytes } = disk;
  if (disk.kind === 'stream') return { file: disk.path, capacityBytes };
  if (disk.kind === 'raw') {
    return rawFileContent(disk.path, capacityBytes, await dataRanges(rawFileContent(disk.path, capacityBytes)));
  }
  const lengthBytes = Math.min(disk.dataBytes, capacityBytes);
  if (lengthBytes === capacityBytes) return randomContent(capacityBytes, 'sparse');
  return sparseContent(capacityBytes, [{ offsetBytes: MiB, lengthBytes, fill: 'random' }], 'sparse');
}

import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeRawDisk, makeStreamDisk, makeVmdk, measureOwn, requireSame, warm } from '../bench-disks.ts';
import { compete, contestTable, type Contestant } from '../contest.ts';
import { measureRun, withFlush } from '../measured-run.ts';
import { randomContent, writeRawFile } from '../../server/content-source.ts';
import { startBenchServer } from './bench-server.ts';
import { requirePeer, startNbd } from './nbd.ts';

export interface BenchPlace {
  folder: string;
  qemuImg: string;
  runs: number;
}

const NBD_PORT = 10_880;

/** A disk that does not compress, and an ext4 disk of which half is in use. Returns the results by disk. */
export async function benchReads(
  place: BenchPlace,
  sizes: { randomBytes: number; ext4Bytes: number },
): Promise<Record<string, object>> {
  const { folder, qemuImg } = place;
  const random = join(folder, 'random.raw');
  const ext4 = join(folder, 'ext4.raw');
  const results: Record<string, object> = {};

  await writeRawFile(randomContent(sizes.randomBytes, 'bench'), random);
  await makeStreamDisk(`${random}.vmdk`, randomContent(sizes.randomBytes, 'bench'));
  results['random'] = await benchDisk(place, random, sizes.randomBytes, 'does not compress');
  await rm(`${random}.vmdk`);
  await rm(random);

  const tree = join(folder, 'tree');
  await mkdir(tree);
  await writeRawFile(randomContent(Math.floor(sizes.ext4Bytes / 2), 'files'), join(tree, 'half'));
  await makeRawDisk(ext4, sizes.ext4Bytes, tree);
  await rm(tree, { recursive: true });
  await makeVmdk(qemuImg, ext4, 'streamOptimized', `${ext4}.vmdk`);
  results['ext4'] = await benchDisk(place, ext4, sizes.ext4Bytes, 'ext4, half of it in use');
  await rm(`${ext4}.vmdk`);
  await rm(ext4);
  return results;
}

async function benchDisk(
  { folder, qemuImg, runs }: BenchPlace,
  raw: string,
  capacityBytes: number,
  kind: string,
): Promise<object> {
  await warm(raw);
  await warm(`${raw}.vmdk`);
  await using server = await startBenchServer({
    nfc: { kind: 'raw', path: raw, capacityBytes },
    lease: { kind: 'stream', path: `${raw}.vmdk`, capacityBytes },
  });
  await using nbd = await startNbd(raw, folder, NBD_PORT);
  const output = join(folder, 'out');
  const env = { ...server.env, XDG_STATE_HOME: join(folder, 'state') };
  const serverSeconds = { nfc: 0, lease: 0, nbd: 0 };
  const own = (vm: 'nfc' | 'lease', format: 'raw' | 'qcow2', peer?: string): Contestant => ({
    title: `\`hyper2kvm export --transport ${vm} --format ${format}\``,
    ...(peer !== undefined && { peer }),
    run: async () => {
      await rm(output, { recursive: true, force: true });
      const before = await server.ask({ ask: 'cpu' });
      const run = await measureOwn(['export', vm, '-o', output, '--transport', vm, '--format', format], env);
      serverSeconds[vm] += (await server.ask({ ask: 'cpu' })) - before;
      return run;
    },
    check: () => requireSame(qemuImg, ['-f', format, '-F', 'raw', join(output, `${vm}-disk-1.${format}`), raw]),
  });
  const copy: Contestant = {
    title: '`nbdcopy` from `qemu-nbd`, TLS',
    run: async () => {
      await rm(output, { recursive: true, force: true });
      await mkdir(output);
      const before = nbd.cpuSeconds();
      const run = await measureRun(requirePeer('nbdcopy'), [nbd.uri('127.0.0.1'), join(output, 'disk.raw')]);
      serverSeconds.nbd += nbd.cpuSeconds() - before;
      return await withFlush(run, [join(output, 'disk.raw')]);
    },
    check: () => requireSame(qemuImg, ['-f', 'raw', '-F', 'raw', join(output, 'disk.raw'), raw]),
  };
  const results = await compete(
    [
      copy,
      own('nfc', 'raw', copy.title),
      own('nfc', 'qcow2', copy.title),
      own('lease', 'raw', copy.title),
      own('lease', 'qcow2', copy.title),
    ],
    runs,
  );
  const perRun = {
    nfc: serverSeconds.nfc / runs / 2,
    lease: serverSeconds.lease / runs / 2,
    nbd: serverSeconds.nbd / runs,
  };
  console.log(`Disk of ${(capacityBytes / 2 ** 30).toFixed(2)} GiB (${kind}), over TLS on the loopback.\n`);
  console.log(contestTable(results));
  console.log(
    `\nProcessor time of the servers for each copy: NFC ${perRun.nfc.toFixed(2)} s, lease ${perRun.lease.toFixed(2)} s, qemu-nbd ${perRun.nbd.toFixed(2)} s.\n`,
  );
  return { capacityBytes, results, serverCpuSeconds: perRun };
}

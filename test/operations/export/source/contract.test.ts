import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { SharedWorkers } from '../../../../src/image/copy/shared-workers.ts';
import { CleanUp } from '../../../../src/operations/clean-up.ts';
import type { DiskSourceFactory, SourceFiles } from '../../../../src/operations/export/source/disk-source.ts';
import { DISK_SOURCES } from '../../../../src/operations/export/source/disk-sources.ts';
import { FileOutput } from '../../../../src/base/output/file-output.ts';
import { ImageMember } from '../../../../src/operations/export/target/image-member.ts';
import { fetchFile } from '../../../../src/operations/export/transfer/fetch-file.ts';
import { openSession } from '../../../../src/operations/server-session.ts';
import { readVmFacts } from '../../../../src/vsphere/vm/vm-facts.ts';
import { mixedContent, writeRawFile } from '../../../server/content-source.ts';
import { startTestServer } from '../../../server/test-server.ts';
import { connectionTo, ScratchFolder } from '../export-run.ts';
import { memorySource } from './memory-source.ts';
import { NfcRun } from '../../../../src/operations/export/source/nfc-run.ts';
import type { Transport } from '../../../../src/operations/export/types.ts';

const CONTENTS = [mixedContent(3 << 20, 'first'), mixedContent((2 << 20) + 512, 'second')];
const KINDS = ['lease', 'nfc', 'auto', 'auto without NFC', 'memory stream', 'memory disk'] as const;
type Kind = (typeof KINDS)[number];
const LIMITS = { firstByteTimeoutMs: 20_000, stallTimeoutMs: 20_000 };

/** A powered-off VM on a test server. The tested source reads its disks. */
class Scene implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly signal = new AbortController().signal;
  readonly left: string[] = [];
  verified = 0;
  #request: Parameters<DiskSourceFactory>[0] | undefined;
  #factory: DiskSourceFactory | undefined;
  /** The number of resources that the source holds: open leases on the server, or open objects in memory. */
  held: () => number = () => 0;
  violations: () => readonly string[] = () => [];

  static async make(kind: Kind): Promise<Scene> {
    const scene = new Scene();
    const server = scene.#stack.use(
      await startTestServer({
        vms: [{ name: 'web', disks: CONTENTS.map((content) => ({ content })) }],
        ...(kind !== 'auto without NFC' && { nfc: {} }),
      }),
    );
    const cleanUp = scene.#stack.use(new CleanUp((sentence) => scene.left.push(sentence)));
    const client = await openSession(connectionTo(server), cleanUp, scene.signal);
    const facts = await readVmFacts(
      client,
      { type: 'VirtualMachine', value: vmRefOf(server.state().vms) },
      scene.signal,
    );
    const memory = memorySource(CONTENTS, kind === 'memory stream' ? 'stream' : 'random-access');
    scene.#factory = kind in DISK_SOURCES ? DISK_SOURCES[kind as Transport] : memory.factory;
    if (kind === 'auto without NFC') scene.#factory = DISK_SOURCES.auto;
    scene.held = () => {
      const { leases, nfc } = server.state();
      const open = [...leases, ...(nfc?.connections ?? [])].filter(({ outcome }) => outcome === 'open').length;
      return open + memory.state.uses + memory.state.disks;
    };
    scene.violations = () => server.state().nfc?.connections.flatMap(({ violations }) => violations) ?? [];
    scene.#request = {
      client,
      vm: 'web',
      ref: facts.ref,
      vmRef: facts.ref,
      disks: facts.disks,
      leave: (sentence) => scene.left.push(sentence),
      verify: () => {
        scene.verified += 1;
        return Promise.resolve();
      },
      hasEarlierRun: false,
      step: () => {},
      warn: () => {},
      nfc: new NfcRun(client, {}, new SharedWorkers(1)),
    };
    return scene;
  }

  async use<Result>(
    work: (files: SourceFiles, signal: AbortSignal) => Promise<Result>,
    signal: AbortSignal = this.signal,
  ): Promise<Result> {
    if (!this.#factory || !this.#request) throw new Error('make() comes first');
    using source = this.#factory(this.#request);
    return await source.use(() => 0, signal, work);
  }

  /** The server notices the end of a connection a moment later. */
  async released(): Promise<void> {
    for (let look = 0; look < 100 && this.held() > 0; look += 1) await pause(10);
    expect(this.held()).toBe(0);
    expect(this.violations()).toEqual([]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

function vmRefOf(vms: object): string {
  const [vm] = Object.values(vms) as { moRef: string }[];
  return vm?.moRef ?? '';
}

describe.each(KINDS)('the disk source %s', (kind) => {
  test('lists the disks in the order of the hardware, by the same keys each time', async () => {
    await using scene = await Scene.make(kind);
    const first = await scene.use(({ files }) => Promise.resolve(files));
    expect(first.filter((file) => file.kind === 'disk').map(({ capacityBytes }) => capacityBytes)).toEqual(
      CONTENTS.map(({ capacityBytes }) => capacityBytes),
    );
    expect(new Set(first.map(({ key }) => key)).size).toBe(first.length);
    expect(await scene.use(({ files }) => Promise.resolve(files))).toEqual(first);
    expect(scene.verified).toBe(2);
  });

  test('gives the content of each disk, and proves it as it says', async () => {
    await using scene = await Scene.make(kind);
    await using scratch = await ScratchFolder.make();
    const workers = new SharedWorkers(1);
    await using use = workers.use();
    await scene.use(async (source, signal) => {
      const arrived = new Map<string, string>();
      if (source.proof === 'digest') expect(await source.manifestSoFar(signal)).toHaveLength(CONTENTS.length);
      for (const [index, content] of CONTENTS.entries()) {
        const { key, capacityBytes } = source.files[index] ?? { key: '', capacityBytes: 0 };
        const path = join(scratch.path, `${index}.raw`);
        const name = `disk ${index}`;
        const image = { file: await FileOutput.create(path, { name }), encoding: { format: 'raw' } } as const;
        const member = await ImageMember.open(
          { ...image, virtualSizeBytes: capacityBytes, verify: true, pool: use.pool },
          () => {},
        );
        let covered = 0;
        const onProgress = (_received: number, coveredBytes: number): void => void (covered = coveredBytes);
        const options = {
          limiter: undefined,
          limits: LIMITS,
          onRestored: () => {},
          withSha1: false,
          workers,
          onProgress,
        };
        const file = { key, name, isDisk: true, capacityBytes };
        const { sha256 } = await fetchFile(file, source, member, options, signal);
        arrived.set(key, sha256);
        await member.commit(sha256);
        expect(covered).toBeGreaterThan(0);
        await writeRawFile(content, `${path}.expected`);
        const same = (await readFile(path)).equals(await readFile(`${path}.expected`));
        expect(same).toBe(true);
      }
      if (source.proof === 'nothing') return;
      const manifest = await source.manifest(signal);
      const digests = new Map(manifest.map(({ key, digest }) => [key, digest]));
      for (const [key, hex] of arrived) expect(digests.get(key)).toEqual({ algorithm: 'sha256', hex });
    });
    await scene.released();
    expect(scene.left).toEqual([]);
  });

  test('rejects a key that it does not list', async () => {
    await using scene = await Scene.make(kind);
    const opening = scene.use((source, signal) => source.open('/vm-1/none', LIMITS, signal));
    await expect(opening).rejects.toMatchObject({ kind: 'transfer' });
    await scene.released();
  });

  test('ends a read with the reason of its signal, and holds nothing after it', async () => {
    await using scene = await Scene.make(kind);
    const ending = new AbortController();
    const reason = new Error('enough');
    const reading = scene.use(async (source, signal) => {
      const opened = await source.open(source.files[0]?.key ?? '', LIMITS, AbortSignal.any([signal, ending.signal]));
      if (opened.access === 'stream') {
        for await (const chunk of opened.chunks) if (chunk.length > 0) ending.abort(reason);
      } else {
        await using open = opened;
        ending.abort(reason);
        await open.disk.read(0, new Uint8Array(512), AbortSignal.any([signal, ending.signal]));
      }
    });
    await expect(reading).rejects.toBe(reason);
    await scene.released();
    expect(scene.left).toEqual([]);
  });

  test('is released when the work fails', async () => {
    await using scene = await Scene.make(kind);
    const failing = scene.use(() => Promise.reject(new Error('no room')));
    await expect(failing).rejects.toThrow('no room');
    await scene.released();
    expect(scene.left).toEqual([]);
  });
});

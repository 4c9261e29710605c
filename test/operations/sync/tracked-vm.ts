import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SyncOptions, SyncResult } from '../../../src/operations/sync/types.ts';
import { mixedContent, type ContentSource } from '../../server/content-source.ts';
import type { TestServerOptions } from '../../server/options.ts';
import { startTestServer, type TestServer } from '../../server/test-server.ts';
import { ScratchFolder } from '../export/export-run.ts';
import { runSync, type SyncRun } from './sync-run.ts';

export const CAPACITIES = [6 * 1024 * 1024 + 512, 3 * 1024 * 1024];

/** The content of a replica's image, as the checks of the test server read it. */
export function contentOfFile(bytes: Buffer): ContentSource {
  return {
    capacityBytes: bytes.length,
    read: (offset, length) => Promise.resolve(Buffer.from(bytes.subarray(offset, offset + length))),
  };
}

/** A running VM `web` whose changes are tracked, on a server with NFC, and its raw replica. */
export class TrackedVm implements AsyncDisposable {
  readonly server: TestServer;
  readonly scratch: ScratchFolder;

  private constructor(server: TestServer, scratch: ScratchFolder) {
    this.server = server;
    this.scratch = scratch;
  }

  static async start(
    vm: Partial<NonNullable<TestServerOptions['vms']>[number]> = {},
    options: TestServerOptions = {},
  ): Promise<TrackedVm> {
    const disks = CAPACITIES.map((bytes, index) => ({ content: mixedContent(bytes, `disk ${index}`) }));
    const web = { name: 'web', moRef: 'vm-1', powerState: 'poweredOn' as const, disks, ...vm };
    const server = await startTestServer({ nfc: {}, vms: [web], ...options });
    return new TrackedVm(server, await ScratchFolder.make());
  }

  run(options: Partial<SyncOptions> = {}): Promise<SyncRun> {
    return runSync(this.server, this.scratch, { transport: 'nfc', ...options });
  }

  image(disk: number): Promise<Buffer> {
    return readFile(join(this.scratch.output, 'web', `web-disk-${disk + 1}.raw`));
  }

  /** For each disk, whether the replica is the disk at the snapshot of the round, byte for byte. */
  async equalities(result: Pick<SyncResult, 'job'> | undefined, disks = [0, 1]): Promise<boolean[]> {
    const equal: boolean[] = [];
    for (const disk of disks) {
      const content = this.server.disks.content('web', disk, `hyper2kvm-export-${result?.job ?? ''}`);
      const image = await this.image(disk);
      const expected = (await content.read(0, content.capacityBytes)) ?? Buffer.alloc(content.capacityBytes);
      equal.push(image.equals(expected));
    }
    return equal;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
    await this.scratch[Symbol.asyncDispose]();
  }
}

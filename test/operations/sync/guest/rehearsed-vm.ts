import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readState, type ReplicaState } from '../../../../src/operations/sync/replica/replica-state.ts';
import { rawFileContent } from '../../../server/content-source.ts';
import { startTestServer, type TestServer } from '../../../server/test-server.ts';
import { ScratchFolder } from '../../export/export-run.ts';
import { runSync, type SyncRun } from '../sync-run.ts';

/** A running VM `tiny` with one disk, on a server with NFC, and its qcow2 replica. */
export class RehearsedVm implements AsyncDisposable {
  readonly server: TestServer;
  readonly scratch: ScratchFolder;

  private constructor(server: TestServer, scratch: ScratchFolder) {
    this.server = server;
    this.scratch = scratch;
  }

  /** `makeDisk` writes a raw disk of this size to a path. */
  static async start(capacityBytes: number, makeDisk: (path: string) => Promise<unknown>): Promise<RehearsedVm> {
    const scratch = await ScratchFolder.make();
    const path = join(scratch.path, 'tiny.img');
    await makeDisk(path);
    const disks = [{ content: rawFileContent(path, capacityBytes) }];
    const vm = {
      name: 'tiny',
      moRef: 'vm-1',
      powerState: 'poweredOn',
      firmware: 'bios',
      disks,
      memoryMb: 128,
    } as const;
    return new RehearsedVm(await startTestServer({ nfc: {}, vms: [vm] }), scratch);
  }

  get folder(): string {
    return join(this.scratch.output, 'tiny');
  }

  run(options: Parameters<typeof runSync>[2] = {}): Promise<SyncRun> {
    return runSync(this.server, this.scratch, { format: 'qcow2', transport: 'nfc', ...options });
  }

  /** The files of the replica, except its record, and their content. */
  async files(): Promise<Map<string, Buffer>> {
    const names = (await readdir(this.folder)).filter((name) => name !== '.tiny.hyper2kvm-replica').toSorted();
    return new Map(
      await Promise.all(names.map(async (name) => [name, await readFile(join(this.folder, name))] as const)),
    );
  }

  async state(): Promise<ReplicaState | undefined> {
    return await readState(join(this.folder, '.tiny.hyper2kvm-replica'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
    await this.scratch[Symbol.asyncDispose]();
  }
}

export function areEqual(a: ReadonlyMap<string, Buffer>, b: ReadonlyMap<string, Buffer>): boolean {
  return [...a.keys()].join() === [...b.keys()].join() && [...a].every(([name, bytes]) => b.get(name)?.equals(bytes));
}

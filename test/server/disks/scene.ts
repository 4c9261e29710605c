import type { ContentSource } from '../content-source.ts';
import type { TestServerOptions, VmOptions } from '../options.ts';
import { deep, field, RawClient, type RawAnswer } from '../raw-client.ts';
import { startTestServer, type TestServer } from '../test-server.ts';
import type { XmlElement } from '../xml-reader.ts';

/** The backing of a disk, as a client reads it. */
export interface SeenBacking {
  key: string;
  fileName: string;
  uuid: string;
  changeId: string;
  capacityBytes: number;
  /** File names of the parents, the nearest first. */
  parents: string[];
}

/** A server with one VM, `vm`, and a client that has logged in. */
export class Scene implements AsyncDisposable {
  readonly vm = 'VirtualMachine:vm-1';
  readonly server: TestServer;
  readonly client: RawClient;

  private constructor(server: TestServer) {
    this.server = server;
    this.client = new RawClient(server);
  }

  static async open(vm: Partial<VmOptions>, options: TestServerOptions = {}): Promise<Scene> {
    const all = { taskMs: 1, leaseInitializeMs: 1, ...options };
    const scene = new Scene(await startTestServer({ ...all, vms: [{ name: 'vm', moRef: 'vm-1', ...vm }] }));
    await scene.client.login();
    return scene;
  }

  static snapshotArguments(name: string): string {
    return `<name>${name}</name><memory>false</memory><quiesce>false</quiesce>`;
  }

  /** Runs a task to its end. Returns `success` or the type of the fault of the call or the task. */
  async runTask(method: string, target = this.vm, args = ''): Promise<string> {
    return (await this.#endOf(await this.client.call(method, target, args))).end;
  }

  async takeSnapshot(name: string): Promise<string> {
    const answer = await this.client.call('CreateSnapshot_Task', this.vm, Scene.snapshotArguments(name));
    const { end, result } = await this.#endOf(answer);
    if (end !== 'success') throw new Error(`the snapshot ended with ${end}`);
    return `VirtualMachineSnapshot:${result}`;
  }

  async removeSnapshot(snapshot: string): Promise<void> {
    const end = await this.runTask('RemoveSnapshot_Task', snapshot, '<removeChildren>false</removeChildren>');
    if (end !== 'success') throw new Error(`the removal ended with ${end}`);
  }

  async property(path: string, target = this.vm): Promise<string | undefined> {
    return (await this.client.properties(target, path)).get(path)?.text;
  }

  /** The backings of the disks of the VM or of a snapshot, by their keys. */
  async backings(target: string): Promise<SeenBacking[]> {
    const config = (await this.client.properties(target, 'config')).get('config') ?? missing(target);
    return deep(config, 'device')
      .filter(({ xsiType }) => xsiType === 'VirtualDisk')
      .map((disk) => {
        const backing = field(disk, 'backing');
        return {
          key: field(disk, 'key').text,
          fileName: field(backing, 'fileName').text,
          uuid: field(backing, 'uuid').text,
          changeId: field(backing, 'changeId').text,
          capacityBytes: Number(field(disk, 'capacityInBytes').text),
          parents: parentsOf(backing),
        };
      })
      .toSorted((a, b) => Number(a.key) - Number(b.key));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
  }

  async #endOf(answer: RawAnswer): Promise<{ end: string; result: string }> {
    if (answer.fault !== '') return { end: answer.fault, result: '' };
    const task = `Task:${answer.returned[0]?.text}`;
    const state = await this.client.waitFor(task, 'info.state', 'success', 'error');
    const info = (await this.client.properties(task, 'info')).get('info') ?? missing(task);
    const fault = field(field(info, 'error'), 'fault').xsiType ?? 'an error without a fault';
    return { end: state === 'success' ? state : fault, result: field(info, 'result').text };
  }
}

/** Reads all of a content. */
export async function bytesOf(content: ContentSource): Promise<Buffer> {
  return (await content.read(0, content.capacityBytes)) ?? Buffer.alloc(content.capacityBytes);
}

function parentsOf(backing: XmlElement): string[] {
  const parent = backing.children.find(({ name }) => name === 'parent');
  return parent === undefined ? [] : [field(parent, 'fileName').text, ...parentsOf(parent)];
}

function missing(target: string): never {
  throw new Error(`${target} has no such property`);
}

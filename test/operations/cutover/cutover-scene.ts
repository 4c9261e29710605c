import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { cutOverVm, rollBackVm } from '../../../src/operations/cutover/cutover-vm.ts';
import type { CutoverEvent, CutoverResult, RollbackResult } from '../../../src/operations/cutover/types.ts';
import { readCutover } from '../../../src/operations/sync/replica/cutover-record.ts';
import { emptyContent } from '../../server/content-source.ts';
import { connectionTo } from '../export/export-run.ts';
import { TrackedVm } from '../sync/tracked-vm.ts';
import { optionsOf, type Place } from './cutover-options.ts';
import { StandInVirsh } from './stand-in-virsh.ts';

const CAPACITIES = [1024 * 1024 + 512, 1024 * 1024];

const SCRIPT = fileURLToPath(new URL('cutover-process.ts', import.meta.url));

export interface CutoverRun<Result> {
  events: CutoverEvent[];
  result: Result | undefined;
  error: unknown;
}

type Choices = Place['choices'] & {
  signal?: AbortSignal;
  onEvent?: (event: CutoverEvent) => void;
};

/** A running VM `web` with a replica, and a libvirt that a stand-in for virsh plays. */
export class CutoverScene implements AsyncDisposable {
  readonly web: TrackedVm;
  readonly virsh: StandInVirsh;
  readonly #path: string;

  private constructor(web: TrackedVm, virsh: StandInVirsh, path: string) {
    this.web = web;
    this.virsh = virsh;
    this.#path = path;
  }

  /** `programs` are the paths of programs that the cutover needs. */
  static async start(programs: string[], ...vm: Parameters<typeof TrackedVm.start>): Promise<CutoverScene> {
    const [options, server] = vm;
    const disks = CAPACITIES.map((bytes) => ({ content: emptyContent(bytes) }));
    const web = await TrackedVm.start({ disks, ...options }, { taskMs: 1, leaseInitializeMs: 1, ...server });
    const virsh = await StandInVirsh.make(join(web.scratch.path, 'virsh'));
    await web.run({ transport: 'lease' });
    web.server.disks.write('web', 0, 700_416, Buffer.alloc(70_000, 5));
    return new CutoverScene(web, virsh, virsh.pathWith(...programs));
  }

  /** The folder of the replica. */
  get folder(): string {
    return join(this.web.scratch.output, 'web');
  }

  /** A round of `sync`. */
  sync(options: Parameters<TrackedVm['run']>[0] = {}): ReturnType<TrackedVm['run']> {
    return this.web.run({ transport: 'lease', ...options });
  }

  /** The power of the source, the domain here, and the step of the cutover. */
  async sides(): Promise<unknown[]> {
    return [this.power, await this.virsh.state(), await this.step()];
  }

  /** Writes to an image as the guest here does. */
  async writeHere(disk: number, offset: number): Promise<void> {
    await using file = await open(join(this.folder, `web-disk-${disk + 1}.raw`), 'r+');
    await file.write(Buffer.alloc(5000, 9), 0, 5000, offset);
  }

  /** Resolves when the server has received a number of calls. */
  async isCalled(method: string, times: number): Promise<void> {
    const count = () => this.web.server.state().calls.filter((call) => call.method === method).length;
    while (count() < times) await pause(20);
  }

  get power(): string | undefined {
    return this.web.server.state().vms['web']?.powerState;
  }

  /** The step of the recorded cutover; undefined without one. */
  async step(): Promise<string | undefined> {
    return (await readCutover(join(this.folder, '.web.hyper2kvm-cutover')))?.step;
  }

  cutOver(choices: Choices = {}): Promise<CutoverRun<CutoverResult>> {
    return this.#run(choices, (options, context) => cutOverVm(options, context));
  }

  rollBack({ force = false, ...choices }: Choices & { force?: boolean } = {}): Promise<CutoverRun<RollbackResult>> {
    return this.#run(choices, (options, context) => rollBackVm({ ...options, force }, context));
  }

  /** Runs a cutover in a process of its own, which kills itself at `killAt` (see cutover-process.ts). */
  async killed(
    killAt: string | undefined,
    { isRollback = false, ...choices }: Choices & { isRollback?: boolean } = {},
  ): Promise<void> {
    const argument = JSON.stringify({ place: this.#place(choices), killAt, isRollback });
    const child = spawn(process.execPath, ['--no-warnings', SCRIPT, argument], { stdio: ['ignore', 'ignore', 'pipe'] });
    const said = text(child.stderr);
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
    if (signal !== 'SIGKILL') throw new Error(`It was not killed at ${killAt}, but ended with ${code}: ${await said}`);
  }

  /** For each disk, whether the image is the present disk of the source. */
  async equalities(): Promise<boolean[]> {
    const equal: boolean[] = [];
    for (const disk of [0, 1]) {
      const content = this.web.server.disks.content('web', disk);
      const expected = (await content.read(0, content.capacityBytes)) ?? Buffer.alloc(content.capacityBytes);
      equal.push((await this.web.image(disk)).equals(expected));
    }
    return equal;
  }

  /** The times at which the VM ran on both sides, which must never be. */
  async runningTwice(): Promise<unknown[]> {
    const history = this.web.server.state().vms['web']?.powerHistory ?? [];
    const source = history.flatMap(({ state, at }, index) =>
      state === 'poweredOn' ? [[at, history[index + 1]?.at ?? Infinity] as const] : [],
    );
    const here = await this.virsh.runs();
    return here.flatMap(([from, to]) => source.filter(([on, off]) => on < to && from < off));
  }

  #place(choices: Choices): Place {
    const { server, scratch } = this.web;
    const { signal: _signal, onEvent: _onEvent, ...given } = choices;
    return {
      url: server.url.href,
      username: server.username,
      password: server.password,
      thumbprint: server.thumbprint.sha256,
      output: scratch.output,
      path: this.#path,
      stateFolder: join(scratch.path, 'state'),
      choices: given,
    };
  }

  async #run<Result>(
    choices: Choices,
    work: (options: Parameters<typeof cutOverVm>[0], context: Parameters<typeof cutOverVm>[1]) => Promise<Result>,
  ): Promise<CutoverRun<Result>> {
    const events: CutoverEvent[] = [];
    const report = (event: CutoverEvent): void => {
      events.push(event);
      choices.onEvent?.(event);
    };
    const options = { ...optionsOf(this.#place(choices)), connection: connectionTo(this.web.server) };
    try {
      const signal = choices.signal ?? new AbortController().signal;
      return { events, result: await work(options, { signal, report }), error: undefined };
    } catch (error) {
      return { events, result: undefined, error };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.web[Symbol.asyncDispose]();
  }
}

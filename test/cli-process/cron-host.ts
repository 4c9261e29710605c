import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ScratchFolder } from '../operations/export/export-run.ts';
import type { TestServerOptions, VmOptions } from '../server/options.ts';
import { startTestServer, type TestServer } from '../server/test-server.ts';
import { PROGRAM, type ProgramRun } from './program.ts';

const CRON_DOC = fileURLToPath(new URL('../../docs/cron.md', import.meta.url));

/** Returns the files that docs/cron.md shows, by path. */
export async function filesOfCronDoc(): Promise<Map<string, string>> {
  const doc = await readFile(CRON_DOC, 'utf8');
  const blocks = [...doc.matchAll(/^```\w+\n# (\/\S+)\n([\s\S]*?)^```$/gm)];
  return new Map(blocks.map(([, path = '', body = '']) => [path, body]));
}

/** Returns the text of docs/cron.md. */
export function cronDoc(): Promise<string> {
  return readFile(CRON_DOC, 'utf8');
}

/** A command that was started as cron or systemd starts it. */
export interface Running {
  over: Promise<ProgramRun>;
}

/** A host that is set up as in docs/cron.md, for a server with the VM `web`. All paths are in a temporary folder. */
export class CronHost implements AsyncDisposable {
  readonly server: TestServer;
  readonly scratch: ScratchFolder;
  readonly #files: ReadonlyMap<string, string>;

  private constructor(server: TestServer, scratch: ScratchFolder, files: ReadonlyMap<string, string>) {
    this.server = server;
    this.scratch = scratch;
    this.#files = files;
  }

  static async make(vm: VmOptions, { keep, ...options }: TestServerOptions & { keep: number }): Promise<CronHost> {
    const server = await startTestServer({ vms: [vm], ...options });
    const host = new CronHost(server, await ScratchFolder.make(), await filesOfCronDoc());
    for (const folder of ['bin', 'etc', 'srv', 'log', 'lib', 'home']) await mkdir(join(host.scratch.path, folder));
    const config = host.local('/etc/hyper2kvm/config.yaml').replace(/keep: \d+/, `keep: ${keep}`);
    await host.#write('etc/config.yaml', config, 0o644);
    await host.#write('etc/password', `${server.password}\n`, 0o600);
    await host.#write('etc/vcenter-ca.pem', server.certificatePem, 0o644);
    await host.#write('etc/vms.txt', `${vm.name}\n`, 0o644);
    const words = PROGRAM.map((word) => `'${word}'`).join(' ');
    await host.#write('bin/hyper2kvm', `#!/bin/sh\nexec ${words} "$@"\n`, 0o755);
    return host;
  }

  /** Returns a file of docs/cron.md with the paths and the server of this host. */
  local(path: string): string {
    const shown = this.#files.get(path);
    if (shown === undefined) throw new Error(`docs/cron.md shows no ${path}.`);
    return shown
      .replaceAll('/usr/local/bin/', `${this.scratch.path}/bin/`)
      .replaceAll('/etc/hyper2kvm/', `${this.scratch.path}/etc/`)
      .replaceAll('/var/log/hyper2kvm/', `${this.scratch.path}/log/`)
      .replaceAll('/var/lib', `${this.scratch.path}/lib`)
      .replaceAll('/srv/vms', `${this.scratch.path}/srv`)
      .replace('https://vcenter.example', this.server.url.href)
      .replace('backup@vsphere.local', this.server.username);
  }

  /** Runs the line of the crontab in the environment that cron provides (crontab(5)). */
  startCron(): Running {
    const line =
      this.local('/etc/cron.d/hyper2kvm')
        .split('\n')
        .find((each) => /^\d/.test(each)) ?? '';
    const [, command = ''] = /^(?:\S+\s+){5}hyper2kvm\s+(.*)$/.exec(line) ?? [];
    return this.start(command, { SHELL: '/bin/sh' });
  }

  start(command: string, env: NodeJS.ProcessEnv): Running {
    const home = join(this.scratch.path, 'home');
    const child = spawn('/bin/sh', ['-c', command], {
      cwd: home,
      env: { HOME: home, LOGNAME: 'hyper2kvm', PATH: '/usr/bin:/bin', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const over = Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)]).then(
      ([[exitCode, endedBy], stdout, stderr]) => ({
        exitCode: exitCode as number | null,
        endedBy: endedBy as NodeJS.Signals | null,
        stdout,
        stderr,
      }),
    );
    return { over };
  }

  get vmFolder(): string {
    return join(this.scratch.path, 'srv', 'web');
  }

  /** Returns the names of the generations, the other names in the folder, and the target of the link. */
  async listing(): Promise<{ generations: string[]; others: string[]; latest: string }> {
    const names = (await readdir(this.vmFolder)).toSorted((a, b) => (a < b ? -1 : 1));
    const isGeneration = (name: string): boolean => /^\d{8}T\d{6}Z$/.test(name);
    return {
      generations: names.filter(isGeneration),
      others: names.filter((name) => !isGeneration(name)),
      latest: await readlink(join(this.vmFolder, 'latest')).catch(() => ''),
    };
  }

  /** Returns the ID of the process that holds the VM's lock, as soon as it downloads the disk. */
  async pidWhileSending(disk: string): Promise<number> {
    while (!this.server.state().downloads.some(({ targetId, sentBytes }) => targetId === disk && sentBytes > 0))
      await pause(20);
    const lock = await readFile(join(this.vmFolder, '.web.hyper2kvm-lock'), 'utf8');
    const holder: { process: { pid: number } } = JSON.parse(lock);
    return holder.process.pid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
    await this.scratch[Symbol.asyncDispose]();
  }

  async #write(name: string, content: string, mode: number): Promise<void> {
    const path = join(this.scratch.path, name);
    await writeFile(path, content);
    await chmod(path, mode);
  }
}

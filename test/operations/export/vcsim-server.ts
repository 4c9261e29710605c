import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { outputOf, runProgram } from '../../oracles/run-program.ts';

/** The govmomi simulator (vcsim) in a separate process, with the login `user` / `secret`. */
export interface VcsimServer extends AsyncDisposable {
  /** `https://127.0.0.1:PORT/sdk`. */
  readonly url: URL;
  /** Runs `govc` and returns its output. */
  govc(...args: string[]): Promise<string>;
  /** Returns the local folder that the simulator uses as the VM's folder on its datastore. */
  folderOf(vm: string): Promise<string>;
  /** Returns the user agents of the open sessions, except govc's own. */
  sessions(): Promise<string[]>;
  snapshots(vm: string): Promise<string[]>;
}

export async function startVcsim(
  { vcsim, govc }: { vcsim: string; govc: string },
  flags: readonly string[] = [],
): Promise<VcsimServer> {
  const login = ['-username', 'user', '-password', 'secret'];
  const child = spawn(vcsim, ['-l', '127.0.0.1:0', '-vm', '1', ...login, ...flags], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [line]: string[] = await once(child.stdout.setEncoding('utf8'), 'data');
  const url = new URL(/GOVC_URL=(\S+)/.exec(line ?? '')?.[1] ?? '');
  const env = { GOVC_URL: url.href, GOVC_INSECURE: 'true', GOVC_PERSIST_SESSION: 'false' };
  const ask = (...args: string[]) => outputOf(govc, args, env);
  return {
    url: new URL('/sdk', `https://${url.host}`),
    govc: ask,
    async folderOf(vm) {
      const { datastores }: { datastores: { summary: { url: string } }[] } = JSON.parse(
        await ask('datastore.info', '-json'),
      );
      return join(datastores[0]?.summary.url ?? '', vm);
    },
    async sessions() {
      const listed: { sessionList: { userAgent: string }[] } = JSON.parse(await ask('session.ls', '-json'));
      return listed.sessionList.map(({ userAgent }) => userAgent).filter((agent) => !agent.startsWith('govc/'));
    },
    async snapshots(vm) {
      const { stdout } = await runProgram(govc, ['snapshot.tree', '-vm', vm], env);
      return stdout.split('\n').filter(Boolean);
    },
    async [Symbol.asyncDispose]() {
      child.kill();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

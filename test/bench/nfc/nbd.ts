import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { findOracle } from '../../oracles/find-oracle.ts';
import { readProcess } from '../measured-run.ts';

/** The peer: qemu-nbd with TLS, in its own process. */
export interface NbdServer extends AsyncDisposable {
  port: number;
  /** The URI for nbdcopy, which trusts the server by a shared key. */
  uri: (host: string) => string;
  /** CPU time of the server so far. */
  cpuSeconds: () => number;
}

const USER = 'bench';
/** One minute: a busy machine takes its time. */
const MOST_ATTEMPTS = 1200;

/** Serves a raw file, read only, to any number of connections. */
export async function startNbd(raw: string, folder: string, port: number): Promise<NbdServer> {
  const keys = join(folder, `keys-${port}`);
  await mkdir(keys, { recursive: true });
  await writeFile(join(keys, 'keys.psk'), `${USER}:${randomBytes(32).toString('hex')}\n`, { mode: 0o600 });
  const tls = ['--object', `tls-creds-psk,id=tls0,endpoint=server,dir=${keys}`, '--tls-creds', 'tls0'];
  const args = ['--read-only', '--persistent', '--shared=8', '--bind=127.0.0.1', `--port=${port}`, '--format=raw'];
  const server = spawn(requirePeer('qemu-nbd'), [...args, ...tls, raw], { stdio: ['ignore', 'inherit', 'inherit'] });
  const ended = once(server, 'exit');
  for (let attempt = 0; !(await listens(port)); attempt += 1) {
    if (attempt === MOST_ATTEMPTS || server.exitCode !== null) throw new Error('qemu-nbd did not start');
    await pause(50);
  }
  return {
    port,
    uri: (host) => `nbds://${USER}@${host}:${port}/?tls-psk-file=${join(keys, 'keys.psk')}`,
    cpuSeconds: () => readProcess(server.pid)?.cpuSeconds ?? 0,
    async [Symbol.asyncDispose]() {
      // It ends on SIGTERM only when the next connection comes.
      server.kill('SIGKILL');
      await ended;
    },
  };
}

export function requirePeer(name: 'qemu-nbd' | 'nbdcopy'): string {
  const found = findOracle(name);
  if (found === undefined) throw new Error(`${name} is not installed: it is the peer`);
  return found;
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

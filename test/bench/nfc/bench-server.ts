import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { BenchDisk, BenchRequest, BenchServed } from './serve.ts';

/** The server in its own process. Disposing it ends the process. */
export interface BenchServer extends AsyncDisposable, BenchServed {
  /** The environment with which hyper2kvm logs in. */
  env: NodeJS.ProcessEnv;
  /** Resolves to the CPU time of the server so far. */
  ask(request: BenchRequest): Promise<number>;
}

/** Serves VMs with one disk each. */
export async function startBenchServer(vms: Record<string, BenchDisk>): Promise<BenchServer> {
  const child = fork(fileURLToPath(new URL('serve.ts', import.meta.url)), [JSON.stringify(vms)]);
  const next = async (): Promise<unknown> => {
    const ended = once(child, 'exit').then(() => Promise.reject(new Error('the server of the benchmark ended')));
    const [message] = (await Promise.race([once(child, 'message'), ended])) as unknown[];
    return message;
  };
  const served = (await next()) as BenchServed;
  return {
    ...served,
    env: {
      HYPER2KVM_URL: served.url,
      HYPER2KVM_USERNAME: served.username,
      HYPER2KVM_PASSWORD: served.password,
      HYPER2KVM_THUMBPRINT: served.thumbprint,
    },
    async ask(request) {
      child.send(request);
      return ((await next()) as { cpuSeconds: number }).cpuSeconds;
    },
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}

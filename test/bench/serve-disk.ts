import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** The address and credentials of a served disk. */
interface Served {
  url: string;
  username: string;
  password: string;
  thumbprint: string;
  sizeBytes: number;
}

/** A server in a separate process. Disposing it ends the process. */
export interface ServedDisk extends AsyncDisposable, Served {
  /** The environment with which hyper2kvm logs in. */
  ownEnv: NodeJS.ProcessEnv;
}

/** Serves a streamOptimized file as the only disk of the VM `bench`. */
export async function serveDisk(path: string, capacityBytes: number): Promise<ServedDisk> {
  const server = fork(fileURLToPath(new URL('serve.ts', import.meta.url)), [path, String(capacityBytes)]);
  const served = await new Promise<Served>((resolve, reject) => {
    server.once('message', (message: Served) => resolve(message));
    server.once('exit', (code) => reject(new Error(`the server of the benchmark ended with ${code}`)));
  });
  return {
    ...served,
    ownEnv: {
      HYPER2KVM_URL: served.url,
      HYPER2KVM_USERNAME: served.username,
      HYPER2KVM_PASSWORD: served.password,
      HYPER2KVM_THUMBPRINT: served.thumbprint,
    },
    async [Symbol.asyncDispose]() {
      const ended = once(server, 'exit');
      server.disconnect();
      await ended;
    },
  };
}

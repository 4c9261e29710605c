import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { basename, dirname } from 'node:path';
import { Hyper2kvmError } from './errors.ts';
import { errnoOf, localFileError } from './local-file-error.ts';

/**
 * Claims the name `path` (absolute, in a folder that is there) for this process, until the claim is disposed of or the process ends, however that comes about. Throws kind
 * `busy` when this or another process of this host holds it. Node has no flock, and a file with a process id outlives a kill: an abstract socket (unix(7)) has one
 * owner and dies with it. Where sockets are forbidden, and between hosts and containers that share a folder, there is no claim.
 */
export async function claimFile(path: string): Promise<AsyncDisposable> {
  const server = createServer((visitor) => visitor.destroy());
  const address = await addressOf(path);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen({ path: address }, resolve);
    });
    // It is no reason for the process to stay.
    server.unref();
  } catch (error) {
    if (errnoOf(error) === 'EADDRINUSE') {
      throw new Hyper2kvmError('busy', `Another run of hyper2kvm is writing ${path}.`, {
        hint: 'Wait until it is over, or choose another --output.',
        cause: error,
      });
    }
  }
  return {
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
}

/** The same for every path to one name: the folder is known by its inode. A hash, since addresses have at most 107 bytes. */
async function addressOf(path: string): Promise<string> {
  try {
    const { dev, ino } = await stat(dirname(path), { bigint: true });
    const name = createHash('sha256')
      .update(`${dev}:${ino}/${basename(path)}`)
      .digest('hex');
    return `\0hyper2kvm/${name}`;
  } catch (error) {
    throw localFileError('look at', dirname(path), error);
  }
}

import { spawn, type ChildProcess, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { Duplex } from 'node:stream';
import { childEnvironment } from './child-environment.ts';
import { Hyper2kvmError } from '../errors.ts';

export interface TiedOptions {
  /** Only the variables that {@link childEnvironment} lists are passed on. */
  env: NodeJS.ProcessEnv;
  cwd?: string | undefined;
  /** The number of sockets for the program besides its standard streams, numbered from 3. */
  sockets?: number;
  /** A folder that is removed after the program has ended for any reason. */
  scratch?: string | undefined;
}

/** The shell supports single-digit file descriptors only. */
const MOST_SOCKETS = 6;
/** The time to exit after SIGTERM. */
const GRACE_SECONDS = 10;

/**
 * Starts a program in its own process group. The group ends with this process, even if SIGKILL ends this process.
 * Ctrl-C reaches this process only, which then ends the program in an orderly way.
 * A shell in the group waits for the end of a socket that only this process holds open; the kernel closes it however
 * the process ended. The shell then sends SIGTERM to the entire group, and SIGKILL once the program has ended or the
 * grace period is over: during its start, libguestfs does not notice that its standard input is closed, and its
 * recovery process and QEMU would continue to run. The same happens after a normal end of the program, so that no
 * process that it started remains. `setpriv --pdeathsig` would end one process, but not its children.
 */
export function spawnTied(
  command: readonly string[],
  { env, cwd, sockets = 0, scratch = '' }: TiedOptions,
): ChildProcessWithoutNullStreams {
  if (sockets > MOST_SOCKETS) throw new RangeError(`${sockets} sockets`);
  const lifeline = 3 + sockets;
  const child = spawn('/bin/sh', ['-c', scriptFor(lifeline), 'sh', scratch, ...command], {
    env: childEnvironment(env),
    cwd,
    stdio: Array.from({ length: lifeline + 1 }, () => 'pipe' as const),
    detached: true,
  });
  if (!hasPipes(child)) throw new Hyper2kvmError('internal', `${command[0] ?? ''} has no pipes.`);
  const ours = child.stdio[lifeline];
  if (ours instanceof Duplex) {
    // The process reports what its end means.
    ours.on('error', () => {}).resume();
    for (const end of ['exit', 'error']) child.on(end, () => ours.destroy());
  }
  return child;
}

/**
 * The program replaces the shell, so the child's id, exit code and signal are the program's. `$$` is its id in the
 * subshell too.
 */
function scriptFor(lifeline: number): string {
  return `
scratch=$1; shift
( {
  trap '' TERM
  read -r _ <&${lifeline}
  kill -s TERM 0
  seconds=0
  while kill -s 0 $$ && [ $seconds -lt ${GRACE_SECONDS} ]; do sleep 1; seconds=$((seconds + 1)); done
  [ -z "$scratch" ] || rm -rf -- "$scratch"
  kill -s KILL 0
} </dev/null >/dev/null 2>&1 & )
exec "$@" ${lifeline}<&-`;
}

function hasPipes(child: ChildProcess): child is ChildProcessWithoutNullStreams {
  return child.stdin !== null && child.stdout !== null && child.stderr !== null;
}

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { ChildProcess } from 'node:child_process';

/** An external program that has exited or could not be started. */
export interface EndedCommand {
  program: string;
  /** Without scripts that were passed to a shell: a user's script can contain a token. */
  args: readonly string[];
  /** Milliseconds since the epoch. */
  startedAt: number;
  durationMs: number;
  exitCode: number | null;
  /** The signal that terminated it. */
  signal: string | null;
  /** Why it could not be started. */
  failure?: string;
}

/** Node publishes each new child process on this channel, whichever function starts it. */
const CHANNEL = 'child_process';
/** Placeholder for a script that is not shown. */
const SCRIPT = '…';

/** Calls `observer` when a program that this process started ends, until the returned function is called. */
export function observeCommands(observer: (command: EndedCommand) => void): () => void {
  const onMessage = (message: unknown): void => {
    const child = typeof message === 'object' && message !== null && 'process' in message ? message.process : undefined;
    if (child instanceof ChildProcess) watch(child, observer);
  };
  subscribe(CHANNEL, onMessage);
  return () => unsubscribe(CHANNEL, onMessage);
}

function watch(child: ChildProcess, observer: (command: EndedCommand) => void): void {
  const startedAt = Date.now();
  const clock = performance.now();
  const ended = (end: Pick<EndedCommand, 'exitCode' | 'signal' | 'failure'>): void => {
    const durationMs = performance.now() - clock;
    observer({ ...shownCommand(child.spawnfile, child.spawnargs), startedAt, durationMs, ...end });
  };
  child.once('exit', (exitCode, signal) => ended({ exitCode, signal }));
  // A running program can also emit an error, for example if it cannot be killed. It still has an exit event.
  child.once('error', ({ message }) => {
    if (child.pid === undefined) ended({ exitCode: null, signal: null, failure: message });
  });
}

/**
 * Returns the program and its arguments. For `sh -c SCRIPT NAME SCRATCH COMMAND…`, which ties a program to this process
 * (see `guest/tied-process.ts`), returns the command.
 */
export function shownCommand(file: string, argv: readonly string[]): Pick<EndedCommand, 'program' | 'args'> {
  const [, option, , name, , ...command] = argv;
  if (file !== '/bin/sh' || option !== '-c') return { program: file, args: argv.slice(1) };
  const [program, ...args] = command;
  if (name === 'sh' && program !== undefined) return { program, args };
  return { program: file, args: ['-c', SCRIPT] };
}

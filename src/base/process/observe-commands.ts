import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { ChildProcess } from 'node:child_process';

/** An external program that has ended, or could not be started. */
export interface EndedCommand {
  program: string;
  /** Without scripts that a shell was given: a script of the user's may contain a token. */
  args: readonly string[];
  /** Milliseconds since the epoch. */
  startedAt: number;
  durationMs: number;
  exitCode: number | null;
  /** The signal that ended it. */
  signal: string | null;
  /** Why it could not be started. */
  failure?: string;
}

/** Node publishes each new child process here, whichever function starts it. */
const CHANNEL = 'child_process';
/** Stands for a script that is not shown. */
const SCRIPT = '…';

/** Calls `observer` at the end of each program that this process starts, until the returned function is called. */
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
  // A program that has run can fail later, to be killed for example: it still has an exit.
  child.once('error', ({ message }) => {
    if (child.pid === undefined) ended({ exitCode: null, signal: null, failure: message });
  });
}

/**
 * The program and its arguments. Of `sh -c SCRIPT NAME SCRATCH COMMAND…`, which is how programs are tied to this process (see `guest/tied-process.ts`), it is
 * the command.
 */
export function shownCommand(file: string, argv: readonly string[]): Pick<EndedCommand, 'program' | 'args'> {
  const [, option, , name, , ...command] = argv;
  if (file !== '/bin/sh' || option !== '-c') return { program: file, args: argv.slice(1) };
  const [program, ...args] = command;
  if (name === 'sh' && program !== undefined) return { program, args };
  return { program: file, args: ['-c', SCRIPT] };
}

import { InterruptedError, SIGNAL_EXIT_CODES, type EndingSignal } from '../base/errors.ts';

/** The reactions to the first signal, to a second Ctrl-C, and to an uncaught error. */
export interface EndingSignalHandlers {
  /** Called after the root signal was aborted: report that clean-up is in progress. */
  first: (signalName: EndingSignal) => void;
  /** The user does not want to wait: report what may remain, and exit with `exitCode`. */
  second: (signalName: EndingSignal, exitCode: number) => void;
  /** Called after the root signal was aborted with an uncaught error. */
  crash: (error: unknown) => void;
}

const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const satisfies readonly EndingSignal[];

/**
 * `npm run` forwards a Ctrl-C to a child that has already received it from the terminal: one key press arrives twice
 * within milliseconds. Only a later one counts as the second.
 */
const SAME_KEY_PRESS_MS = 300;

/**
 * Converts SIGINT, SIGTERM and SIGHUP into an abort of one signal, whose reason is an `InterruptedError`. An uncaught
 * error also aborts it and is itself the reason.
 *
 * Only a later SIGINT exits immediately. A closing terminal sends SIGHUP twice, from the kernel and from the shell, and
 * a service manager may repeat SIGTERM; neither must interrupt the clean-up.
 */
export function watchEndingSignals(
  handlers: EndingSignalHandlers,
  source: Pick<NodeJS.Process, 'on' | 'off'> = process,
  now: () => number = Date.now,
): { signal: AbortSignal; stop: () => void } {
  const root = new AbortController();
  let firstAtMs: number | undefined;

  const onSignal = (ending: EndingSignal): void => {
    if (firstAtMs === undefined) {
      firstAtMs = now();
      // Has no effect after a crash, whose clean-up is in progress.
      root.abort(new InterruptedError(ending));
      handlers.first(ending);
    } else if (ending === 'SIGINT' && now() - firstAtMs > SAME_KEY_PRESS_MS) {
      handlers.second(ending, SIGNAL_EXIT_CODES[ending]);
    }
  };

  // An error in a timer must not leave a lease or snapshot on the server: it ends the program like a signal.
  const onCrash = (error: unknown): void => {
    if (root.signal.aborted) return;
    root.abort(error);
    handlers.crash(error);
  };

  source.on('uncaughtException', onCrash);
  const listeners = ENDING_SIGNALS.map((name) => ({ name, listener: () => onSignal(name) }));
  for (const { name, listener } of listeners) source.on(name, listener);
  return {
    signal: root.signal,
    stop: () => {
      source.off('uncaughtException', onCrash);
      for (const { name, listener } of listeners) source.off(name, listener);
    },
  };
}

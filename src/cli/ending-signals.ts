import { InterruptedError, SIGNAL_EXIT_CODES, type EndingSignal } from '../base/errors.ts';

/** What happens on the first signal, and on the Ctrl-C that follows. */
export interface EndingSignalHandlers {
  /** After the root signal has been aborted: say that clean-up is going on. */
  first: (signalName: EndingSignal) => void;
  /** The user does not want to wait: say what may be left, and leave with `exitCode`. */
  second: (signalName: EndingSignal, exitCode: number) => void;
  /** After the root signal has been aborted with an error that nobody caught. */
  crash: (error: unknown) => void;
}

const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const satisfies readonly EndingSignal[];

/**
 * `npm run` passes a Ctrl-C on to a child that has had it from the terminal already: the same key press arrives
 * twice within milliseconds, and only a later one is meant as the second.
 */
const SAME_KEY_PRESS_MS = 300;

/**
 * Turns SIGINT, SIGTERM and SIGHUP into an abort of one signal, whose reason is an `InterruptedError`; an error that nobody caught
 * aborts it too, and is the reason itself.
 *
 * Only a later SIGINT leaves at once: a closing terminal sends SIGHUP twice, from the kernel and from the shell, and a
 * service manager may repeat SIGTERM; neither may cut the clean-up short.
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
      // Does nothing after a crash, whose clean-up is going on.
      root.abort(new InterruptedError(ending));
      handlers.first(ending);
    } else if (ending === 'SIGINT' && now() - firstAtMs > SAME_KEY_PRESS_MS) {
      handlers.second(ending, SIGNAL_EXIT_CODES[ending]);
    }
  };

  // A fault in a timer must not leave a lease and a snapshot behind: it ends the program as a signal does.
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

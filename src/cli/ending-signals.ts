import { InterruptedError, SIGNAL_EXIT_CODES, type EndingSignal } from '../base/errors.ts';

/** What happens on the first signal, and on the Ctrl-C that follows. */
export interface EndingSignalHandlers {
  /** After the root signal has been aborted: say that clean-up is going on. */
  first: (signalName: EndingSignal) => void;
  /** The user does not want to wait: say what may be left, and leave with `exitCode`. */
  second: (signalName: EndingSignal, exitCode: number) => void;
}

const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const satisfies readonly EndingSignal[];

/**
 * `npm run` passes a Ctrl-C on to a child that has had it from the terminal already: the same key press arrives
 * twice within milliseconds, and only a later one is meant as the second.
 */
const SAME_KEY_PRESS_MS = 300;

/**
 * Turns SIGINT, SIGTERM and SIGHUP into an abort of one signal, whose reason is an `InterruptedError`.
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
      root.abort(new InterruptedError(ending));
      handlers.first(ending);
    } else if (ending === 'SIGINT' && now() - firstAtMs > SAME_KEY_PRESS_MS) {
      handlers.second(ending, SIGNAL_EXIT_CODES[ending]);
    }
  };

  const listeners = ENDING_SIGNALS.map((name) => ({ name, listener: () => onSignal(name) }));
  for (const { name, listener } of listeners) source.on(name, listener);
  return {
    signal: root.signal,
    stop: () => {
      for (const { name, listener } of listeners) source.off(name, listener);
    },
  };
}

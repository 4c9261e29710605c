import type { CutoverRecord } from '../sync/replica/cutover-record.ts';
import type { Downtime } from './types.ts';

/**
 * The time without the VM, from the record of a finished cutover. Undefined if the source was never powered off by it.
 * The time between a kill and the run that continued counts too: the VM was off.
 */
export function downtimeOf({ history, poweredOffAt, sign, sourceWasOn }: CutoverRecord): Downtime | undefined {
  if (poweredOffAt === null || !sourceWasOn) return undefined;
  const requested = history.findLastIndex(({ step }) => step === 'shutdown');
  const steps = history.slice(requested + 1).map(({ step, at }) => ({ step, at: Date.parse(at) }));
  const offAt = Date.parse(poweredOffAt);
  const end = sign === undefined ? (steps.at(-1)?.at ?? offAt) : Date.parse(sign.at);
  return {
    shutdownSeconds: secondsOf(offAt - Date.parse(history[requested]?.at ?? poweredOffAt)),
    seconds: secondsOf(end - offAt),
    parts: steps
      .filter(({ step }) => step !== 'done')
      .map(({ step, at }, index) => ({ step, seconds: secondsOf((steps[index + 1]?.at ?? end) - at) })),
  };
}

function secondsOf(ms: number): number {
  return Math.max(0, ms) / 1000;
}

import { inspect } from 'node:util';
import { FORMATS } from './formats.ts';
import { runCases } from './run-cases.ts';

/**
 * A process that reads one format's cases: `case-process.ts NAME FIRST CASES SEED QEMU-IMG`. It reports each case to
 * its parent before the case starts, so that the parent knows the number of a case that hangs or crashes.
 */
const [name, first, cases, seed, qemuImg = ''] = process.argv.slice(2);
const format = FORMATS.find((known) => known.name === name);
if (format === undefined) throw new Error(`no format ${name}`);
try {
  const report = await runCases({
    format,
    first: Number(first),
    cases: Number(cases),
    seed: Number(seed),
    qemuImg,
    onCase: (number) => tell({ number }),
  });
  await tell({ report });
} catch (error) {
  await tell({ fault: inspect(error) });
}
process.disconnect();

/**
 * Waits until the message was sent. Otherwise, cases that never yield to the event loop would delay the message, and
 * look like a hang.
 */
function tell(message: object): Promise<void> {
  return new Promise((resolve) => {
    process.send?.(message, () => resolve());
  });
}

import { inspect } from 'node:util';
import { FORMATS } from './formats.ts';
import { runCases } from './run-cases.ts';

/** The process that reads one format's cases: `case-process.ts NAME FIRST CASES SEED QEMU-IMG`. It tells its parent of each case before it starts, so that a hang or a crash has a number. */
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

/** Waits until it was sent: cases that never wait for anything would else keep it back, and look like a hang. */
function tell(message: object): Promise<void> {
  return new Promise((resolve) => {
    process.send?.(message, () => resolve());
  });
}

import { overallVerdict, type BootCheck } from '../../../../src/guest/contract/boot-check.ts';

/** What is not ready, a line each: `FILE:LINE reason`; with `(advisory)` before what does not count. */
export function faultsOf(checks: readonly BootCheck[]): string[] {
  return checks
    .filter(({ verdict }) => verdict !== 'ready')
    .map(({ file, line, reason, verdict, isAdvisory }) => {
      const place = line === undefined ? file : `${file}:${line}`;
      return `${isAdvisory === true ? '(advisory) ' : ''}${verdict === 'unknown' ? '(unknown) ' : ''}${place} ${reason}`;
    });
}

/** The verdict, and the one fault that is the reason for it. Throws if there are several. */
export function onlyFault(checks: readonly BootCheck[]): { verdict: string; fault: string | undefined } {
  const [fault, ...more] = faultsOf(checks).filter((each) => !each.startsWith('(advisory)'));
  if (more.length > 0) throw new Error(`several faults: ${[fault, ...more].join('\n')}`);
  return { verdict: overallVerdict(checks), fault };
}

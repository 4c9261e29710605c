import { overallVerdict, type BootCheck } from '../../../../src/guest/contract/boot-check.ts';

/**
 * Returns one line for each check that is not `ready`: `FILE:LINE reason`. Advisory checks, which do not affect the
 * verdict, are prefixed with `(advisory)`.
 */
export function faultsOf(checks: readonly BootCheck[]): string[] {
  return checks
    .filter(({ verdict }) => verdict !== 'ready')
    .map(({ file, line, reason, verdict, isAdvisory }) => {
      const place = line === undefined ? file : `${file}:${line}`;
      return `${isAdvisory === true ? '(advisory) ' : ''}${verdict === 'unknown' ? '(unknown) ' : ''}${place} ${reason}`;
    });
}

/**
 * Returns the verdict and the single fault that causes it.
 * @throws if there is more than one fault
 */
export function onlyFault(checks: readonly BootCheck[]): { verdict: string; fault: string | undefined } {
  const [fault, ...more] = faultsOf(checks).filter((each) => !each.startsWith('(advisory)'));
  if (more.length > 0) throw new Error(`several faults: ${[fault, ...more].join('\n')}`);
  return { verdict: overallVerdict(checks), fault };
}

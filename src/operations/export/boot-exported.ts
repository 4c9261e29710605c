import { Hyper2kvmError } from '../../base/errors.ts';
import { bootTest, PLAIN_BOOT_TEST } from '../boot-test/boot-test.ts';
import type { BootTestEvent } from '../boot-test/types.ts';
import type { ExportEvent, ExportOptions, OperationContext, VmExportResult } from './types.ts';

/** Boots a VM that was exported as images with a domain. One that does not come up is told in the result; what is thrown is that the test could not be made. */
export async function bootExported(
  result: VmExportResult,
  { env }: Pick<ExportOptions, 'env'>,
  { signal, report }: OperationContext<ExportEvent>,
): Promise<VmExportResult> {
  const { vm, files, output } = result;
  const domain = files.find(({ path }) => path.endsWith('.xml'));
  if (domain === undefined) return result;
  // A domain may be named otherwise than its VM.
  const onEvent = (event: BootTestEvent): void => report({ ...event, vm });
  try {
    const options = { ...PLAIN_BOOT_TEST, target: domain.path, env };
    return { ...result, bootTest: await bootTest(options, { signal, report: onEvent }) };
  } catch (error) {
    if (!(error instanceof Hyper2kvmError)) throw error;
    throw new Hyper2kvmError(error.kind, `${vm} was exported, but could not be booted: ${error.message}`, {
      cause: error,
      hint: `${error.hint ?? ''} Its images are whole and stay in ${output}.`.trimStart(),
    });
  }
}

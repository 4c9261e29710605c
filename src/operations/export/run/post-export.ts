import { Hyper2kvmError } from '../../../base/errors.ts';
import { defineDomain, defineKept } from '../../domain/define-domain.ts';
import { configuredNicsOf } from '../../fix-guest/fix-images.ts';
import { bootTest, PLAIN_BOOT_TEST } from '../../boot-test/boot-test.ts';
import type { BootTestEvent } from '../../boot-test/types.ts';
import type { ExportEvent, ExportOptions, OperationContext, VmExportResult } from '../types.ts';

/**
 * Runs the requested steps after a VM was exported as images: defines its domain in libvirt, then boots it. A failed
 * boot is reported in the result; an error is thrown only when a step could not be run. With `isKept`, an earlier run
 * created the files; it may have defined the domain and then been killed.
 */
export async function postExport(
  result: VmExportResult,
  {
    define,
    bootTest: isTested,
    requireAddresses,
    force,
    guest: { keys },
    env,
    isKept = false,
  }: Pick<ExportOptions, 'define' | 'bootTest' | 'requireAddresses' | 'force' | 'guest' | 'env'> & { isKept?: boolean },
  { signal, report }: OperationContext<ExportEvent>,
): Promise<VmExportResult> {
  const { vm, files, output } = result;
  const domain = files.find(({ path }) => path.endsWith('.xml'));
  if (domain === undefined) return result;
  const used = { ...result };
  // A domain's name can differ from its VM's.
  const onEvent = (event: BootTestEvent): void => report({ ...event, vm });
  try {
    if (define !== undefined) {
      const connection = { uri: define, env };
      if (!isKept) await defineDomain(connection, domain.path, signal);
      else if (!(await defineKept(connection, domain.path, force, signal))) {
        const message = `libvirt at ${define} already has this VM: its definition is kept. Use --force to replace it.`;
        used.warnings = [...used.warnings, message];
        report({ type: 'warning', vm, message });
      }
      used.defined = define;
    }
    const configuredNics = configuredNicsOf(result.guest);
    const guestNet = result.guestNet?.readAt ? result.guestNet : undefined;
    const known = { configuredNics, guestNet, requireAddresses };
    const options = { ...PLAIN_BOOT_TEST, target: domain.path, keys, ...known, env };
    if (isTested) used.bootTest = await bootTest(options, { signal, report: onEvent });
    return used;
  } catch (error) {
    if (!(error instanceof Hyper2kvmError)) throw error;
    const what = define !== undefined && used.defined === undefined ? 'defined' : 'booted';
    throw new Hyper2kvmError(error.kind, `${vm} was exported, but could not be ${what}: ${error.message}`, {
      cause: error,
      hint: `${error.hint ?? ''} Its images are complete and are kept in ${output}.`.trimStart(),
    });
  }
}

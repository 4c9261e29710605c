import { Hyper2kvmError } from '../../base/errors.ts';
import type { BootReport } from '../../guest/contract/boot-check.ts';
import type { Change } from '../../guest/change.ts';
import { Guestfs } from '../../guest/guestfs.ts';
import { findVirtV2v } from '../../guest/windows/find-virt-v2v.ts';
import { readInstalledDrivers, type InstalledDrivers } from '../../guest/windows/installed-drivers.ts';
import { runVirtV2v } from '../../guest/windows/virt-v2v.ts';
import { staticAddressesOf } from '../../guest/windows/static-addresses.ts';
import type { WindowsSystem } from '../../guest/windows/windows-system.ts';
import type { OperationContext } from '../operation-context.ts';
import type { ChangeOptions, ChangeReport } from './change-report.ts';
import { commandChanges, customizeDisks } from './customize/customize-guest.ts';
import type { FixEvent } from './types.ts';

type WindowsOptions = ChangeOptions & { virtioWin: string };

/** The engine has no plan mode and does not report individual files. */
const NO_PLAN = 'virt-v2v-in-place would be called. It cannot show its changes in advance. Nothing was changed';

/** Where virt-v2v puts the scripts that run when Windows starts for the first time. */
const FIRST_BOOT = '/Program Files/Guestfs/Firstboot/scripts';

const NO_ADDRESSES =
  'The addresses of this Windows are not known, so that static ones are lost with the old network adapter. Export it while it runs, or use convert --guest-net FILE.';

const NO_CHECK = 'The drivers are checked after virt-v2v-in-place has run.';

/**
 * Runs virt-v2v-in-place to install the virtio-win drivers into Windows, then checks which drivers are present, since
 * virt-v2v also succeeds without finding any.
 */
export async function changeWindows(
  system: WindowsSystem,
  options: WindowsOptions,
  context: OperationContext<FixEvent>,
): Promise<ChangeReport> {
  const { disks, planOnly, virtioWin, guestNet, beforeChange, env = process.env, onWarning, customization } = options;
  const { signal, report } = context;
  const { device, productName } = system;
  const program = findVirtV2v(env);
  const facts = { system: productName, root: device };
  const kept = staticAddressesOf(guestNet?.nics ?? []);
  const addressWarnings = guestNet === undefined ? [NO_ADDRESSES] : kept.warnings;
  const customizing = customization === undefined ? [] : commandChanges(customization);
  if (planOnly) {
    const change = { fix: 'windows-drivers', action: 'run', path: virtioWin, details: [NO_PLAN] } as const;
    return {
      ...facts,
      outcome: 'planned',
      changes: [change, ...addressChanges(kept.mac, 'would be set at the first start'), ...customizing],
      warnings: addressWarnings,
      boot: bootReport('unknown', virtioWin, NO_CHECK),
    };
  }
  const onStep = (text: string): void => report({ type: 'fix', step: 'change', detail: `virt-v2v-in-place: ${text}` });
  await beforeChange?.();
  const { mac } = kept;
  const ofEngine = await runVirtV2v({ program, disks, root: device, virtioWin, mac, signal, env, onStep, onWarning });
  const warnings = [...addressWarnings, ...ofEngine];
  if (customization !== undefined && customizing.length > 0) {
    const plan = { customization, agent: undefined, relabel: false, opened: [] };
    warnings.push(...(await customizeDisks(plan, disks, options, context)));
  }
  report({ type: 'fix', step: 'finish', detail: `Checking the drivers in ${productName}` });
  await using session = await Guestfs.start({ disks, readOnly: true, signal, env, onWarning });
  const drivers = await readInstalledDrivers(session, device);
  await session.close();
  const missing = missingDrivers(drivers);
  if (missing.length > 0) throw noDriver(missing, productName, virtioWin);
  const boot = bootReport('ready', drivers.diskDriver ?? '', 'The driver of virtio disks starts with Windows.');
  return {
    ...facts,
    outcome: 'fixed',
    changes: [...changesOf(drivers), ...addressChanges(mac, 'is set at the first start'), ...customizing],
    warnings,
    boot,
  };
}

function addressChanges(mac: readonly string[], when: string): Change[] {
  if (mac.length === 0) return [];
  const details = mac.map((value) => `--mac ${value}: ${when}`);
  return [{ fix: 'network', action: 'run', path: FIRST_BOOT, details }];
}

/** For Windows, only the drivers are checked. */
function bootReport(verdict: BootReport['verdict'], file: string, reason: string): BootReport {
  return { verdict, checks: [{ area: 'windows-drivers', verdict, file, reason }] };
}

function changesOf({ diskDriver, folder, names }: InstalledDrivers): Change[] {
  const changes: Change[] = [];
  if (diskDriver !== undefined) {
    const details = ['the driver of virtio disks; a service in the registry that starts with Windows'];
    changes.push({ fix: 'windows-drivers', action: 'run', path: diskDriver, details });
  }
  if (folder !== undefined && names.length > 0) {
    const details = [`drivers that Windows installs at its next start: ${names.join(', ')}`];
    changes.push({ fix: 'windows-drivers', action: 'run', path: folder, details });
  }
  return changes;
}

function missingDrivers({ diskDriver, names }: InstalledDrivers): string[] {
  return [
    ...(diskDriver === undefined ? ['disks (viostor)'] : []),
    ...(names.includes('netkvm') ? [] : ['network adapters (netkvm)']),
  ];
}

/**
 * Such a Windows has lost VMware's drivers, or loses them at its next start, and cannot be relied on to boot
 * anywhere.
 */
function noDriver(missing: readonly string[], productName: string, virtioWin: string): Hyper2kvmError {
  const sentence = `virt-v2v-in-place found no driver of virtio ${missing.join(' and ')} for ${productName} in ${virtioWin}.`;
  return new Hyper2kvmError('guest', sentence, {
    hint: 'Use a virtio-win that supports this Windows, or omit --virtio-win to convert it unchanged.',
  });
}

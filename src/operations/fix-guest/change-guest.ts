import { Hyper2kvmError } from '../../base/errors.ts';
import type { Guest } from '../../guest/guest.ts';
import type { BootReport } from '../../guest/contract/boot-check.ts';
import { checkBoot } from '../../guest/contract/check-boot.ts';
import { diskReader } from '../../guest/contract/read-disk.ts';
import { Guestfs, type GuestfsDisk } from '../../guest/guestfs.ts';
import { makeWritable, openGuest, reopenGuest } from '../../guest/inspect/open-guest.ts';
import { linuxFixes, planFixes } from '../../guest/linux/plan-fixes.ts';
import { WindowsFoundError } from '../../guest/windows/windows-system.ts';
import { addressWarnings } from './address-warnings.ts';
import type { OperationContext } from '../operation-context.ts';
import type { ChangeOptions, ChangeReport } from './change-report.ts';
import {
  customizeDisks,
  planCustomization,
  requireOneSystem,
  type CustomizePlan,
} from './customize/customize-guest.ts';
import { keepInitramfs } from './kept-initramfs.ts';
import { GuestNotReadyError } from './not-ready.ts';
import { StagedImages } from './staged-images.ts';
import type { FixEvent, FixGuestOptions } from './types.ts';

/**
 * Finds the operating system on the images, plans the changes that it needs, and applies them unless only the plan is
 * requested.
 */
export async function changeGuest(
  options: FixGuestOptions,
  context: OperationContext<FixEvent>,
): Promise<ChangeReport> {
  const ofHost: string[] = [];
  const onWarning = (sentence: string): void => {
    ofHost.push(sentence);
    context.report({ type: 'fix', step: 'appliance', detail: 'Starting libguestfs in emulation' });
  };
  const report = await changeSystem({ ...options, onWarning }, context);
  return { ...report, warnings: [...ofHost, ...report.warnings] };
}

async function changeSystem(options: ChangeOptions, context: OperationContext<FixEvent>): Promise<ChangeReport> {
  try {
    return await changeLinux(options, context);
  } catch (error) {
    if (!(error instanceof WindowsFoundError) || options.virtioWin === undefined) throw error;
    const { changeWindows } = await import('./change-windows.ts');
    return await changeWindows(error.system, { ...options, virtioWin: options.virtioWin }, context);
  }
}

/**
 * Changes a Linux guest.
 * @throws {@link WindowsFoundError} for Windows.
 */
async function changeLinux(options: ChangeOptions, context: OperationContext<FixEvent>): Promise<ChangeReport> {
  const { disks, env = process.env } = options;
  const { signal, report } = context;
  if (options.planOnly) return await planLinux(options, context);
  await using staged = await StagedImages.create(disks, env, signal);
  const { obstacles, customizing, ...fixed } = await fixStaged({ ...options, staged: staged.disks }, context);
  const requireReady = (when: 'fix' | 'customization'): void => {
    if (options.fix === 'require' && fixed.boot.verdict !== 'ready')
      throw new GuestNotReadyError(fixed.system, fixed.boot, { when, obstacles });
  };
  requireReady('fix');
  if (customizing !== undefined) {
    fixed.warnings.push(...(await customizeDisks(customizing, staged.disks, options, context)));
    fixed.boot = await checkStaged({ ...options, staged: staged.disks }, context);
    requireReady('customization');
  }
  if (fixed.changes.length > 0) {
    report({ type: 'fix', step: 'finish', detail: 'Writing the changes to the images' });
    await options.beforeChange?.();
    await staged.commit(signal);
  }
  return fixed;
}

/**
 * Makes all changes in an overlay that libguestfs discards, so that the check afterwards is the same as for a real
 * fix.
 */
async function planLinux(options: ChangeOptions, context: OperationContext<FixEvent>): Promise<ChangeReport> {
  const {
    obstacles: _included,
    customizing,
    ...planned
  } = await fixStaged({ ...options, staged: options.disks }, context);
  if (customizing !== undefined) planned.warnings.push(CUSTOMIZATION_NOT_RUN);
  return planned;
}

const CUSTOMIZATION_NOT_RUN =
  'A plan does not run the commands of virt-customize: the boot checks are those of the guest without them.';

/** What the guest on the disks starts from, after they were changed by another program. */
async function checkStaged(
  { staged, hardware, env, onWarning, ...options }: ChangeOptions & { staged: readonly GuestfsDisk[] },
  { signal, report }: OperationContext<FixEvent>,
): Promise<BootReport> {
  report({ type: 'fix', step: 'check', detail: 'Checking what the guest starts from after the customization' });
  await using session = await Guestfs.start({ disks: staged, readOnly: true, signal, env, onWarning });
  const guest = await openGuest(session, options);
  const readers = { readDisk: diskReader(session), readLabel: (path: string) => guest.files.label(path) };
  const boot = await checkBoot({ ...guest, hardware, ...readers });
  await session.close();
  return boot;
}

interface FixedGuest extends ChangeReport {
  /** Sentences about what the fix could not change. */
  obstacles: readonly string[];
  /** What virt-customize has to do after the fix; its changes are in the report. */
  customizing: CustomizePlan | undefined;
}

async function fixStaged(
  options: ChangeOptions & { staged: readonly GuestfsDisk[] },
  { signal, report }: OperationContext<FixEvent>,
): Promise<FixedGuest> {
  const { staged, planOnly, removeVmwareTools, serialConsole, env, hardware, guestNet, onWarning, customization } =
    options;
  report({ type: 'fix', step: 'appliance', detail: 'Starting libguestfs' });
  await using session = await Guestfs.start({ disks: staged, readOnly: planOnly, signal, env, onWarning });
  report({ type: 'fix', step: 'inspect', detail: 'Finding the operating system' });
  const guest = await openGuest(session, options);
  const readers = { readDisk: diskReader(session), readLabel: (path: string) => guest.files.label(path) };
  const { prettyName: system } = guest.system;
  const bootBefore = planOnly ? await checkBoot({ ...guest, hardware, ...readers }) : undefined;
  report({ type: 'fix', step: 'plan', detail: `Checking what ${system} needs` });
  // Before any change: there may be no package for this guest.
  const customizing = customization && (await planCustomization(guest, customization));
  const draft = await planFixes(guest, linuxFixes({ removeVmwareTools, serialConsole }));
  const changes = draft.changes();
  const previousInitramfs = await keepInitramfs(guest, changes);
  if (changes.length > 0) {
    requireAllMounted(guest, await makeWritable(guest));
    await draft.apply(({ path, details }) =>
      report({ type: 'fix', step: 'change', detail: `${path}: ${details[0] ?? ''}` }),
    );
  }
  report({ type: 'fix', step: 'check', detail: `Checking what ${system} starts from` });
  const boot = await checkBoot({ ...(await reopenGuest(guest)), hardware, ...readers, previousInitramfs });
  if (customizing !== undefined) await requireOneSystem(guest);
  report({ type: 'fix', step: 'finish', detail: 'Stopping libguestfs' });
  await session.close();
  return {
    outcome: planOnly ? 'planned' : 'fixed',
    system,
    root: guest.mounts[0]?.mountable ?? '',
    changes: [...draft.changes(), ...(customizing?.changes ?? [])],
    warnings: [...draft.warnings, ...draft.obstacles, ...addressWarnings(boot, draft.configuredNics, guestNet)],
    obstacles: draft.obstacles,
    customizing,
    boot,
    bootBefore,
    configuredNics: draft.configuredNics,
  };
}

function requireAllMounted({ mounts }: Guest, writable: Guest['mounts']): void {
  const lost = mounts.find(({ path }) => !writable.some((mount) => mount.path === path));
  if (!lost) return;
  throw new Hyper2kvmError('guest', `${lost.mountable}, the guest's ${lost.path}, cannot be mounted for writing.`, {
    hint: 'Check that file system in the guest, or convert without changing it (--fix off).',
  });
}

import { formatCount, formatDuration } from '../../../base/text/amounts.ts';
import { safeText } from '../../text/safe-text.ts';
import { cutEnd, cutMiddle, padEnd, textWidth } from '../../text/text-width.ts';
import { diskLine, nameColumns, type DiskLineContext } from './disk-line.ts';
import { isRunning, type DiskProgress, type VmProgress } from '../export-progress.ts';
import { RateMeter } from './rate-meter.ts';
import { STEP_LABELS } from './step-labels.ts';

/** One of the VMs that are exported concurrently. */
export class FleetVm {
  readonly label: string;
  readonly progress: VmProgress;
  readonly #received = new RateMeter();
  readonly #covered = new RateMeter();

  constructor(label: string, progress: VmProgress) {
    this.label = label;
    this.progress = progress;
  }

  /** Call after each event of the VM, to update its rates. */
  meter(nowMs: number): void {
    const { receivedBytes, coveredBytes } = this.#sums();
    this.#received.add(receivedBytes, nowMs);
    this.#covered.add(coveredBytes, nowMs);
  }

  /** All its disks combined into one, for display on a single line. */
  asOneDisk(): DiskProgress {
    return {
      disk: this.label,
      phase: 'running',
      attempt: 1,
      received: this.#received,
      covered: this.#covered,
      sizeBytes: 0,
      seconds: 0,
      retry: undefined,
      ...this.#sums(),
    };
  }

  #sums(): Pick<DiskProgress, 'capacityBytes' | 'receivedBytes' | 'coveredBytes'> {
    const sums = { capacityBytes: 0, receivedBytes: 0, coveredBytes: 0 };
    for (const disk of this.progress.disks.values()) {
      const isThere = disk.phase === 'complete' || disk.phase === 'kept';
      sums.capacityBytes += disk.capacityBytes;
      sums.receivedBytes += disk.phase === 'complete' ? disk.sizeBytes : disk.receivedBytes;
      sums.coveredBytes += isThere ? disk.capacityBytes : disk.coveredBytes;
    }
    return sums;
  }
}

/** One line per VM, within `height` lines. If there are more VMs, one line counts the others. */
export function fleetLines(
  vms: readonly FleetVm[],
  height: number,
  context: Omit<DiskLineContext, 'longestName'>,
): string[] {
  const longestName = Math.max(0, ...vms.map(({ label }) => textWidth(safeText(label))));
  const shown = vms.length <= height ? vms : vms.slice(0, Math.max(0, height - 1));
  const lines = shown.map((vm) => fleetLine(vm, { ...context, longestName }));
  const more = vms.length - shown.length;
  return more === 0 || height < 1
    ? lines
    : [...lines, cutEnd(`${formatCount(more, 'more VM')} running`, context.width)];
}

/** A bar while disks are being downloaded; otherwise the current step. */
function fleetLine(vm: FleetVm, context: DiskLineContext): string {
  const { width, nowMs, glyphs, longestName } = context;
  const { step, detail, stepSinceMs, disks } = vm.progress;
  const retry = [...disks.values()].find(({ phase }) => phase === 'retrying');
  const isDownload = step === 'download' && [...disks.values()].some(isRunning);
  if (isDownload && retry === undefined) return diskLine({ ...vm.asOneDisk(), disk: safeText(vm.label) }, context);
  if (retry) return diskLine({ ...retry, disk: safeText(vm.label) }, context);
  const columns = nameColumns(width, longestName);
  const name = padEnd(cutMiddle(safeText(vm.label), columns, glyphs.ellipsis), columns);
  const seconds = (nowMs - stepSinceMs) / 1000;
  const time = seconds < 3 ? '' : ` ${formatDuration(seconds)}`;
  const words = safeText(detail || STEP_LABELS[step]);
  return `${cutEnd(`${name}  ${words}`, width - time.length, glyphs.ellipsis)}${time}`;
}

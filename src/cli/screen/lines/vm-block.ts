import { formatCount, formatDuration } from '../../../base/text/amounts.ts';
import { safeText } from '../../text/safe-text.ts';
import { cutEnd, textWidth } from '../../text/text-width.ts';
import { diskLine, nameColumns, type DiskLineContext } from './disk-line.ts';
import { isRunning, type DiskProgress, type VmProgress } from '../export-progress.ts';
import { STEP_LABELS } from './step-labels.ts';

/** Number of warnings on a live screen; the summary repeats all of them. */
const SHOWN_WARNINGS = 2;
/** A step that takes longer than this shows its elapsed time. */
const LONG_STEP_MS = 3000;
const SPINNER_MS = 100;

export interface VmBlockContext extends Omit<DiskLineContext, 'longestName'> {
  /** Height of the block in lines. */
  height: number;
}

/** The lines under the headline: the step, the disks, the newest warnings. No line is wider than `width`. */
export function vmBlock(state: VmProgress, context: VmBlockContext): string[] {
  const { width, glyphs, height } = context;
  const warnings = state.warnings.slice(-SHOWN_WARNINGS).map((message) => `! ${safeText(message)}`);
  const messages = [...warnings, ...state.notes].map((line) => cutEnd(line, width, glyphs.ellipsis));
  const disks = diskLines([...state.disks.values()], Math.max(1, height - 1 - messages.length), context);
  const shown = messages.map((line) => (line.startsWith('! ') ? context.paint('warning', '!') + line.slice(1) : line));
  return [stepLine(state, context), ...disks, ...shown];
}

/** The lines that stay on the screen when the VM has finished: its complete disks. */
export function finishedBlock(state: VmProgress, context: VmBlockContext): string[] {
  const there = [...state.disks.values()].filter(isThere);
  return diskLines(there, context.height, context);
}

function stepLine(state: VmProgress, { width, nowMs, glyphs }: VmBlockContext): string {
  const frame = glyphs.spinner[Math.floor(nowMs / SPINNER_MS) % glyphs.spinner.length] ?? '';
  const sinceMs = nowMs - state.stepSinceMs;
  const time = sinceMs < LONG_STEP_MS ? '' : ` ${formatDuration(sinceMs / 1000)}`;
  const words = safeText(state.detail || STEP_LABELS[state.step]);
  return `${frame} ${cutEnd(words, width - 2 - time.length, glyphs.ellipsis)}${time}`;
}

/** All disks if they fit; otherwise those in progress, and one line that counts the others. */
function diskLines(disks: readonly DiskProgress[], room: number, context: VmBlockContext): string[] {
  const names = shortNames(
    disks.map(({ disk }) => safeText(disk)),
    context.width,
  );
  const longestName = Math.max(0, ...names.map(textWidth));
  const line = (disk: DiskProgress): string => {
    const name = names[disks.indexOf(disk)] ?? disk.disk;
    return diskLine({ ...disk, disk: name }, { ...context, longestName });
  };
  if (disks.length <= room) return disks.map(line);
  const shown = disks.toSorted((a, b) => Number(isIdle(a)) - Number(isIdle(b))).slice(0, room - 1);
  const rest = disks.filter((disk) => !shown.includes(disk));
  const there = rest.filter(isThere).length;
  const waiting = rest.length - there;
  const counts = [there > 0 ? `${there} complete` : '', waiting > 0 ? `${waiting} waiting` : ''].filter(Boolean);
  return [...shown.map(line), cutEnd(`${formatCount(rest.length, 'more file')}: ${counts.join(', ')}`, context.width)];
}

/**
 * Names that would be truncated lose the VM's name before `-disk-1.vmdk` and `.nvram`. Otherwise they would all be
 * truncated to the same two ends; the headline already shows the VM's name.
 */
function shortNames(names: readonly string[], width: number): readonly string[] {
  const longest = Math.max(0, ...names.map(textWidth));
  if (nameColumns(width, longest) >= longest) return names;
  const base = names.map((name) => /^(.+)-disk-\d+\.\w+$/.exec(name)?.[1]).find((match) => match !== undefined);
  if (base === undefined) return names;
  return names.map((name) =>
    name.startsWith(base) ? name.slice(base.length + 1).replace(/\.(vmdk|qcow2|raw)$/, '') : name,
  );
}

function isIdle(disk: DiskProgress): boolean {
  return !isRunning(disk) && disk.phase !== 'retrying';
}

function isThere({ phase }: DiskProgress): boolean {
  return phase === 'complete' || phase === 'kept';
}

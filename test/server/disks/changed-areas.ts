import type { ByteRange } from '../content-source.ts';
import { arrayOf, data, type DataObject } from '../value.ts';
import type { NoChanges } from './change-tracker.ts';

/** How an answer of `QueryChangedDiskAreas` can be wrong, or the fault that replaces it. */
export type ChangedAreasFault =
  /** The first `count` areas of an answer that has areas are missing. Default: 1. */
  | { action: 'forget-areas'; count?: number }
  /** The window begins after the requested offset. What lies between is never reported. */
  | { action: 'gap' }
  /** The window claims to begin before the requested offset, or after it at the start of the disk. */
  | { action: 'wrong-start' }
  /** The window ends after the end of the disk. */
  | { action: 'beyond-the-end' }
  /** The window has no length, so a client that trusts it never makes progress. */
  | { action: 'no-length' }
  | { action: 'negative-length' }
  /** An area begins after the end of the window. */
  | { action: 'area-outside' }
  | { action: 'area-of-negative-length' }
  /** Each area is reported twice. */
  | { action: 'areas-twice' }
  /** The areas are in reverse order. */
  | { action: 'areas-reversed' }
  /** The fault for a change ID that does not help. */
  | { action: 'no-changes'; reason: NoChanges };

/** A part of an answer: the changes between `startOffset` and the end of the window. */
export interface Window {
  startOffset: number;
  length: number;
  areas: ByteRange[];
}

/** The size of windows: the most areas, and the most bytes that one covers. */
export interface WindowLimits {
  areas: number;
  spanBytes: number;
}

/** Returns the window at `startOffset` of all changes, which must be sorted. It may contain no area. */
export function windowAt(
  changes: readonly ByteRange[],
  startOffset: number,
  capacityBytes: number,
  limits: WindowLimits,
): Window {
  let end = Math.min(capacityBytes, startOffset + limits.spanBytes);
  const areas: ByteRange[] = [];
  for (const { offset, length } of changes) {
    const start = Math.max(offset, startOffset);
    const areaEnd = Math.min(offset + length, end);
    if (areaEnd <= start) continue;
    if (areas.length === limits.areas) {
      end = start;
      break;
    }
    areas.push({ offset: start, length: areaEnd - start });
  }
  return { startOffset, length: end - startOffset, areas };
}

const STEP_BYTES = 65_536;

/** Applies a scripted fault to a window. */
export function misreport(window: Window, fault: ChangedAreasFault | undefined, capacityBytes: number): Window {
  const { startOffset, length, areas } = window;
  const end = startOffset + length;
  switch (fault?.action) {
    case 'forget-areas':
      return { ...window, areas: areas.slice(fault.count ?? 1) };
    case 'gap': {
      const later = Math.min(end, startOffset + STEP_BYTES);
      const inside = areas.filter(({ offset }) => offset >= later);
      return { startOffset: later, length: end - later, areas: inside };
    }
    case 'wrong-start':
      return { ...window, startOffset: startOffset === 0 ? 512 : startOffset - 512 };
    case 'beyond-the-end':
      return { ...window, length: capacityBytes - startOffset + STEP_BYTES };
    case 'no-length':
      return { ...window, length: 0, areas: [] };
    case 'negative-length':
      return { ...window, length: -STEP_BYTES };
    case 'area-outside':
      return { ...window, areas: [...areas, { offset: end, length: STEP_BYTES }] };
    case 'area-of-negative-length':
      return { ...window, areas: [{ offset: startOffset, length: -512 }, ...areas] };
    case 'areas-twice':
      return { ...window, areas: areas.flatMap((area) => [area, area]) };
    case 'areas-reversed':
      return { ...window, areas: areas.toReversed() };
    case 'no-changes':
    case undefined:
      return window;
  }
}

export function toDiskChangeInfo({ startOffset, length, areas }: Window): DataObject {
  return data('DiskChangeInfo', {
    startOffset: BigInt(startOffset),
    length: BigInt(length),
    changedArea: arrayOf(
      'DiskChangeExtent',
      areas.map((area) => data('DiskChangeExtent', { start: BigInt(area.offset), length: BigInt(area.length) })),
    ),
  });
}

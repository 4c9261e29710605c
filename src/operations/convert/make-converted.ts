import { rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { Hyper2kvmError } from '../../base/errors.ts';
import type { TargetHardware } from '../../guest/contract/boot-check.ts';
import { giveFinalNames } from '../../base/output/final-names.ts';
import { PARTIAL_SUFFIX } from '../../base/output/member-names.ts';
import { virtioSupportOf } from '../fix-guest/fix-images.ts';
import { targetHardware } from '../fix-guest/target-hardware.ts';
import type { FixEvent, FixReport } from '../fix-guest/types.ts';
import type { OperationContext } from '../operation-context.ts';
import type { WholeDisk } from './convert-disk.ts';
import { convertDisks, requireAllOwn } from './convert-disks.ts';
import type { Layout } from './layout.ts';
import { recordConverted } from './converted-record.ts';
import { guestAddressOf, machineOf } from './described-machine.ts';
import { fixConverted, obstacleToFix, withSizes } from './fix-converted.ts';
import { finalPaths } from './output-names.ts';
import type { ConvertedDisk, ConvertEvent, ConvertOptions, ConvertResult } from './types.ts';
import { writeDomain } from './write-domain.ts';

export type Made = Pick<ConvertResult, 'disks' | 'domain' | 'hardware' | 'guest' | 'copySeconds'>;

export interface Making {
  layout: Layout;
  /** Images of an earlier run, which failed at the guest. */
  kept: WholeDisk[] | undefined;
  /** Called if images stay, as `.partial`, for the same command to go on with. */
  keep: () => void;
}

/** Makes, fixes and names all. Nothing is left of a plan, and of a failure only images whose guest could not be prepared. */
export async function makeAll(
  { layout, kept, keep }: Making,
  options: ConvertOptions,
  report: (event: ConvertEvent) => void,
  signal: AbortSignal,
): Promise<Made> {
  const vm = layout.source.baseName;
  const startedAt = Date.now();
  const whole = kept ?? (await convertDisks(layout, options, report, signal));
  const copySeconds = kept === undefined ? (Date.now() - startedAt) / 1000 : 0;
  if (kept !== undefined) reportKept(vm, kept, report);
  let staysPartial = false;
  try {
    const converted = whole.map((disk) => disk.converted);
    let isUntouched = true;
    const beforeChange = (): void => {
      isUntouched = false;
    };
    const fixContext = { signal, report: fixSteps(vm, report) };
    const guest = await fixGuestOf(layout, converted, { options, beforeChange }, fixContext).catch(
      async (error: unknown) => {
        const isWorthKeeping = isUntouched && !options.guest.planOnly && error instanceof Hyper2kvmError;
        staysPartial = isWorthKeeping && (await recordConverted(layout, options, converted));
        if (staysPartial) {
          keep();
          report({ type: 'warning', vm, message: keptMessage(converted) });
        }
        throw error;
      },
    );
    if (options.guest.planOnly) return { disks: [], domain: undefined, hardware: undefined, guest, copySeconds };
    const disks = await withSizes(converted, guest);
    const hardware = await writeDomain(layout, disks, options, virtioSupportOf(guest), signal);
    signal.throwIfAborted();
    await requireAllOwn(whole);
    await giveFinalNames(layout.folder, finalPaths(layout), options);
    staysPartial = true;
    return { disks, domain: layout.domainPath, hardware, guest, copySeconds };
  } finally {
    if (!staysPartial) for (const path of finalPaths(layout)) await rm(path + PARTIAL_SUFFIX, { force: true });
  }
}

async function fixGuestOf(
  layout: Layout,
  disks: readonly ConvertedDisk[],
  { options, beforeChange }: { options: ConvertOptions; beforeChange: () => void },
  context: OperationContext<FixEvent>,
): Promise<FixReport | undefined> {
  const { machine } = layout.source;
  const addresses = (machine?.disks ?? []).map(guestAddressOf);
  const obstacle = obstacleOf(layout, options);
  const uuids = layout.disks.map(({ uuid }) => uuid);
  const hardware = hardwareFor(layout, options);
  const finished = {
    disks,
    addresses,
    uuids,
    nics: machine?.nics ?? [],
    hardware,
    beforeChange,
    obstacle,
    env: options.env,
  };
  return await fixConverted(finished, options.guest, context);
}

/** What the guest will run on. Without a domain, as of one disk of a VM, nothing tells. */
export function hardwareFor(
  { source, disks, domainPath }: Layout,
  { hardware }: Pick<ConvertOptions, 'hardware'>,
): TargetHardware {
  const described = domainPath === undefined ? undefined : source.machine;
  const uuids = disks.map(({ uuid }) => uuid);
  return targetHardware(described && machineOf(described, uuids), disks.length, hardware);
}

function keptMessage(disks: readonly ConvertedDisk[]): string {
  const names = disks.map(({ path }) => basename(path) + PARTIAL_SUFFIX).join(', ');
  return `Kept for the next run: ${names}. The same command goes on with the fix.`;
}

function reportKept(vm: string, kept: readonly WholeDisk[], report: (event: ConvertEvent) => void): void {
  for (const { converted } of kept) {
    report({ type: 'disk-kept', vm, disk: basename(converted.path), sizeBytes: converted.sizeBytes, sha256: '' });
  }
}

export function obstacleOf({ disks, source }: Layout, { encode }: ConvertOptions): string | undefined {
  return obstacleToFix(encode.format, disks.length < source.disks.length, source.machine?.architecture);
}

export function fixSteps(vm: string, report: (event: ConvertEvent) => void): (event: FixEvent) => void {
  return ({ detail }) => report({ type: 'step', vm, step: 'fix', detail });
}

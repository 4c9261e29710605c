import { basename } from 'node:path';
import { Hyper2kvmError } from '../../base/errors.ts';
import { CustomizeError } from '../../guest/customize/customize-errors.ts';
import type { TargetHardware } from '../../guest/contract/boot-check.ts';
import type { FolderOutput } from '../../base/output/folder-output.ts';
import { partialPath } from '../../base/output/partial-name.ts';
import { virtioSupportOf } from '../fix-guest/fix-images.ts';
import { targetHardware } from '../fix-guest/target-hardware.ts';
import type { FixEvent, FixReport } from '../fix-guest/types.ts';
import type { OperationContext } from '../operation-context.ts';
import { writeManifest } from '../image-manifest.ts';
import { convertDisks } from './convert-disks.ts';
import type { Layout } from './layout.ts';
import { recordConverted } from './converted-record.ts';
import { guestAddressOf } from '../fix-guest/guest-address.ts';
import { machineOf } from './described-machine.ts';
import { fixConverted, obstacleToFix, withSizes } from './fix-converted.ts';
import { finalPaths } from './output-names.ts';
import type { ConvertedDisk, ConvertEvent, ConvertOptions, ConvertResult } from './types.ts';
import { writeDomain } from './write-domain.ts';

export type Made = Pick<ConvertResult, 'disks' | 'domain' | 'manifest' | 'hardware' | 'guest' | 'copySeconds'>;

export interface Making {
  layout: Layout;
  output: FolderOutput;
  /** Images of an earlier run that failed while preparing the guest. */
  kept: ConvertedDisk[] | undefined;
  /** Called if images stay as `.partial` files for the same command to continue with. */
  keep: () => void;
}

/**
 * Converts the disks, fixes the guest and commits the output, except for a plan. If this fails, the caller still has
 * to discard the output.
 */
export async function makeAll(
  { layout, output, kept, keep }: Making,
  options: ConvertOptions,
  report: (event: ConvertEvent) => void,
  signal: AbortSignal,
): Promise<Made> {
  const vm = layout.source.baseName;
  const startedAt = Date.now();
  const converted = kept ?? (await convertDisks(layout, output, options, report, signal));
  const copySeconds = kept === undefined ? (Date.now() - startedAt) / 1000 : 0;
  if (kept !== undefined) reportKept(vm, kept, report);
  let isUntouched = true;
  const beforeChange = (): void => {
    isUntouched = false;
  };
  const fixContext = { signal, report: fixSteps(vm, report) };
  const guest = await fixGuestOf(layout, converted, { options, beforeChange }, fixContext).catch(
    async (error: unknown) => {
      const isWorthKeeping =
        isUntouched && !options.guest.planOnly && error instanceof Hyper2kvmError && !(error instanceof CustomizeError);
      if (isWorthKeeping && (await recordConverted(layout, output, options, converted))) {
        keep();
        report({ type: 'warning', vm, message: keptMessage(converted) });
      }
      throw error;
    },
  );
  if (options.guest.planOnly) return { disks: [], domain: undefined, hardware: undefined, guest, copySeconds };
  const disks = await withSizes(converted, guest);
  const hardware = await writeDomain(layout, output, disks, options, virtioSupportOf(guest), signal);
  const { manifestPath: manifest } = layout;
  if (manifest !== undefined) {
    report({ type: 'step', vm, step: 'finish', detail: 'Computing the manifest' });
    const listed = finalPaths({ ...layout, manifestPath: undefined });
    const files = listed.map((path) => ({ name: basename(path) }));
    await writeManifest(output, basename(manifest), files, signal);
  }
  signal.throwIfAborted();
  await output.commit(finalPaths(layout).map((path) => basename(path)));
  return { disks, domain: layout.domainPath, manifest, hardware, guest, copySeconds };
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
    guestNet: layout.guestNet,
    beforeChange,
    obstacle,
    env: options.env,
  };
  return await fixConverted(finished, options.guest, context);
}

/** The hardware that the guest will run on. Without a domain, for example with one disk of a VM, it is not known. */
export function hardwareFor(
  { source, disks, domainPath }: Layout,
  { hardware }: Pick<ConvertOptions, 'hardware'>,
): TargetHardware {
  const described = domainPath === undefined ? undefined : source.machine;
  const uuids = disks.map(({ uuid }) => uuid);
  return targetHardware(described && machineOf(described, uuids), disks.length, hardware);
}

function keptMessage(disks: readonly ConvertedDisk[]): string {
  const names = disks.map(({ path }) => basename(partialPath(path))).join(', ');
  return `Kept for the next run: ${names}. The same command continues with the fix.`;
}

function reportKept(vm: string, kept: readonly ConvertedDisk[], report: (event: ConvertEvent) => void): void {
  for (const { path, sizeBytes } of kept) {
    report({ type: 'disk-kept', vm, disk: basename(path), sizeBytes, sha256: '' });
  }
}

export function obstacleOf({ disks, source }: Layout, { encode }: ConvertOptions): string | undefined {
  return obstacleToFix(encode.format, disks.length < source.disks.length, source.machine?.architecture);
}

export function fixSteps(vm: string, report: (event: ConvertEvent) => void): (event: FixEvent) => void {
  return ({ detail }) => report({ type: 'step', vm, step: 'fix', detail });
}

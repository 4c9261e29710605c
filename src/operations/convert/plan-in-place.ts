import type { GuestDisk } from '../../guest/guest.ts';
import { fixGuest } from '../fix-guest/fix-guest.ts';
import type { FixEvent, FixReport } from '../fix-guest/types.ts';
import type { OperationContext } from '../operation-context.ts';
import type { Layout } from './layout.ts';
import { diskInPlace } from './disk-in-place.ts';
import { hardwareFor } from './make-converted.ts';
import type { ConvertOptions } from './types.ts';

/**
 * Reports what would change in a guest, using the source's own files, which are opened read-only. Writes nothing.
 * Undefined if QEMU cannot read all of the files in place: in archives, in snapshot chains and in other formats. The
 * layout must contain the complete VM.
 */
export async function planInPlace(
  layout: Layout,
  options: ConvertOptions,
  context: OperationContext<FixEvent>,
): Promise<FixReport | undefined> {
  const { guest: requested, env } = options;
  const disks = await disksInPlace(layout);
  if (disks === undefined) return undefined;
  const { machine } = layout.source;
  const fixOptions = {
    ...requested,
    fix: 'require',
    planOnly: true,
    disks,
    nics: machine?.nics ?? [],
    hardware: hardwareFor(layout, options),
    guestNet: layout.guestNet,
    env,
  } as const;
  return await fixGuest(fixOptions, context);
}

async function disksInPlace({ source, disks }: Layout): Promise<GuestDisk[] | undefined> {
  const found: GuestDisk[] = [];
  for (const [index, { disk, uuid }] of disks.entries()) {
    const inPlace = await diskInPlace(source, index, disk, uuid);
    if (inPlace === undefined) return undefined;
    found.push(inPlace);
  }
  return found;
}

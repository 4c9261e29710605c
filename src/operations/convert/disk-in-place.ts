import type { GuestDisk } from '../../guest/guest.ts';
import { openedByOthers } from '../../image/file/open-by-others.ts';
import { guestAddressOf } from '../fix-guest/guest-address.ts';
import type { ConvertSource, SourceDisk } from './convert-source.ts';

/**
 * A disk of a source as QEMU can read it where it is. Undefined if it cannot: in archives, in snapshot chains and in
 * other formats. `index` counts the disks of the source from 0.
 */
export async function diskInPlace(
  source: ConvertSource,
  index: number,
  disk: SourceDisk,
  uuid: string | undefined,
): Promise<GuestDisk | undefined> {
  const given = source.disks[index];
  const path = typeof given === 'string' ? given : given?.parts[0]?.path;
  const isFile = disk.kind === 'image' && path !== undefined;
  const file = isFile ? await openedByOthers(path, disk.image) : undefined;
  if (file === undefined) return undefined;
  const described = source.machine?.disks[index];
  return { ...file, address: described && guestAddressOf(described), uuid };
}

import type { Guestfs } from '../guestfs.ts';
import type { BootSubject } from './boot-check.ts';

/** Reads bytes of the disks of a session, in the order in which they were added. */
export function diskReader(session: Guestfs): NonNullable<BootSubject['readDisk']> {
  return async (disk, offsetBytes, lengthBytes) => {
    const device = (await session.lines(['list-devices']))[disk];
    if (device === undefined) return Buffer.alloc(0);
    return await session.call(['pread-device', device, String(lengthBytes), String(offsetBytes)]);
  };
}

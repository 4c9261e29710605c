import type { Guestfs } from '../guestfs.ts';
import type { FoundSystem } from '../no-system.ts';

/** Names for people of libguestfs' types. */
const TYPES: Readonly<Record<string, string>> = {
  freebsd: 'FreeBSD',
  netbsd: 'NetBSD',
  openbsd: 'OpenBSD',
  hurd: 'GNU Hurd',
  minix: 'MINIX',
  dos: 'DOS',
  linux: 'Linux',
  windows: 'Windows',
};
/** File systems that only other systems have their roots on, and that libguestfs cannot always mount. */
const FOREIGN: ReadonlyMap<string, string> = new Map([
  ['ufs', 'a BSD system'],
  ['zfs_member', 'a ZFS pool, as FreeBSD and appliances based on it have'],
  ['BitLocker', 'a volume that BitLocker encrypts'],
  ['VMFS_volume_member', 'a VMFS datastore'],
  ['apfs', 'an APFS volume'],
]);
const MOST_ROOTS = 20;

/**
 * Systems that libguestfs recognizes and that cannot be prepared, such as FreeBSD, and volumes of such systems. Only
 * for errors: it reads the disks once more. Nothing is mounted before and after.
 */
export async function findOtherSystems(
  session: Guestfs,
  devices: readonly { name: string; type: string }[],
): Promise<FoundSystem[]> {
  // Fails on disks that it cannot read, about which nothing is known then.
  const text = (await session.attempt(['inspect-os']))?.toString('utf8') ?? '';
  const roots = text.split('\n').filter(Boolean).slice(0, MOST_ROOTS);
  const found: FoundSystem[] = [];
  for (const device of roots) found.push({ device, name: await nameOf(session, device) });
  const foreign = devices.flatMap(({ name: device, type }) => {
    const name = FOREIGN.get(type);
    return name === undefined || roots.includes(device) ? [] : [{ device, name }];
  });
  return [...found, ...foreign];
}

async function nameOf(session: Guestfs, root: string): Promise<string> {
  const ask = async (what: string): Promise<string> =>
    (await session.attempt([`inspect-get-${what}`, root]))?.toString('utf8').trim() ?? '';
  const product = await ask('product-name');
  if (product !== '' && product !== 'unknown') return product;
  const type = await ask('type');
  const [major, minor] = [await ask('major-version'), await ask('minor-version')];
  const version = major === '' || major === '0' ? '' : ` ${major}${minor === '' ? '' : `.${minor}`}`;
  return `${TYPES[type] ?? (type || 'an unknown system')}${version}`;
}

import { NoSystemError } from '../inspect/no-system.ts';
import type { Guestfs } from '../guestfs.ts';
import { readHive } from './hive.ts';

/** A Windows, and the volume that it is on. */
export interface WindowsSystem {
  device: string;
  /** As `Windows 10 Pro`; `Windows` when its registry does not tell. */
  productName: string;
}

/** The system is Windows, which needs drivers that come from outside. */
export class WindowsFoundError extends NoSystemError {
  readonly system: WindowsSystem;

  constructor(system: WindowsSystem) {
    super(
      `${system.productName} on ${system.device} does not start on virtio without the drivers of virtio-win.`,
      'Install them with --virtio-win PATH (virtio-win.iso, or a folder with its content). Without them, the domain gets hardware that Windows has drivers for.',
    );
    this.system = system;
  }
}

/** Where the files of Windows stand, in whatever case they were made; undefined for a path that is not there. Of the mounted Windows. */
export async function windowsPath(session: Guestfs, path: string): Promise<string | undefined> {
  const found = (await session.attempt(['case-sensitive-path', path]))?.toString('utf8').replace(/\n$/, '');
  // Of the last name none needs to be there.
  if (found === undefined || (await session.text(['exists', found])) !== 'true') return undefined;
  return found;
}

/** Looks for Windows on a volume. Nothing is mounted before and after. */
export async function lookForWindows(session: Guestfs, device: string): Promise<WindowsSystem | undefined> {
  if ((await session.attempt(['mount-ro', device, '/'])) === undefined) return undefined;
  try {
    if ((await windowsPath(session, '/windows/system32')) === undefined) return undefined;
    return { device, productName: await readProductName(session) };
  } finally {
    await session.call(['umount-all']);
  }
}

const CURRENT_VERSION = ['Microsoft', 'Windows NT', 'CurrentVersion'];

async function readProductName(session: Guestfs): Promise<string> {
  const path = await windowsPath(session, '/windows/system32/config/software');
  if (path === undefined) return productName(undefined, undefined);
  const found = await readHive(session, path, async (hive) =>
    productName(
      await hive.text(CURRENT_VERSION, 'ProductName'),
      await hive.text(CURRENT_VERSION, 'CurrentBuildNumber'),
    ),
  );
  return found ?? productName(undefined, undefined);
}

/** The builds of Windows 11 begin with this one. */
const FIRST_BUILD_OF_11 = 22_000;

/** The name for a person, from what the registry has: there Windows 11 still calls itself Windows 10. */
export function productName(product: string | undefined, build: string | undefined): string {
  if (product === undefined || product === '') return 'Windows';
  return Number(build) >= FIRST_BUILD_OF_11 ? product.replace(/^Windows 10\b/, 'Windows 11') : product;
}

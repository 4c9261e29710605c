import { NoSystemError } from '../no-system.ts';
import type { Guestfs } from '../guestfs.ts';
import { readHive } from './hive.ts';

/** A Windows installation and its volume. */
export interface WindowsSystem {
  device: string;
  /** For example `Windows 10 Pro`; `Windows` if the registry does not contain the name. */
  productName: string;
}

/** The name of a Windows whose registry cannot be read. */
export const UNNAMED_WINDOWS = 'Windows';

/** The guest is Windows, which needs drivers from outside. */
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

/** The actual path of a file in the mounted Windows, regardless of case; undefined if it does not exist. */
export async function windowsPath(session: Guestfs, path: string): Promise<string | undefined> {
  const found = (await session.attempt(['case-sensitive-path', path]))?.toString('utf8').replace(/\n$/, '');
  // The last component of the returned path need not exist.
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

/** The first build number of Windows 11. */
const FIRST_BUILD_OF_11 = 22_000;

/** The name for people, from the registry values, where Windows 11 still has the name Windows 10. */
export function productName(product: string | undefined, build: string | undefined): string {
  if (product === undefined || product === '') return UNNAMED_WINDOWS;
  return Number(build) >= FIRST_BUILD_OF_11 ? product.replace(/^Windows 10\b/, 'Windows 11') : product;
}

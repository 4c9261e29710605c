import { posix } from 'node:path';
import type { BootSubject } from '../../../src/guest/contract/boot-check.ts';
import type { GuestTree } from '../../../src/guest/guest-tree.ts';

/** Maps absolute paths in a guest to their content. All parent folders exist implicitly. */
export type TreeContent = Readonly<Record<string, string | Buffer | { link: string } | { folder: true }>>;

/** Linux's limit: a path with more symbolic links than this is a loop. */
const MOST_LINKS = 40;

/**
 * Builds a guest's file tree from a map, without an appliance. Symbolic links resolve as in the guest, including those
 * in the middle of a path.
 */
export function treeOfFiles(content: TreeContent): GuestTree {
  const entries = new Map(Object.entries(content).map(([path, entry]) => [posix.normalize(path), entry]));
  const names = new Map<string, Set<string>>([['/', new Set()]]);
  for (const [path, entry] of entries) {
    if (typeof entry === 'object' && 'folder' in entry) names.set(path, names.get(path) ?? new Set());
    for (let below = path; below !== '/'; below = posix.dirname(below)) {
      const folder = posix.dirname(below);
      names.set(folder, (names.get(folder) ?? new Set()).add(posix.basename(below)));
    }
  }

  const resolve = (path: string): string | undefined => {
    let links = 0;
    let left = path.split('/');
    let at = '/';
    while (left.length > 0) {
      const [name = '', ...rest] = left;
      left = rest;
      const next = posix.join(at, name);
      const entry = entries.get(next);
      if (typeof entry === 'object' && 'link' in entry) {
        links += 1;
        if (links > MOST_LINKS) return undefined;
        if (entry.link.startsWith('/')) at = '/';
        left = [...entry.link.split('/'), ...left];
      } else {
        if (entry === undefined && !names.has(next)) return undefined;
        at = next;
      }
    }
    return at;
  };
  const fileAt = (path: string): string | Buffer | undefined => {
    const entry = entries.get(resolve(path) ?? '');
    return typeof entry === 'string' || Buffer.isBuffer(entry) ? entry : undefined;
  };
  const list = (folder: string): string[] => [...(names.get(resolve(folder) ?? '') ?? [])].toSorted();

  return {
    read: async (path) => fileAt(path)?.toString('latin1'),
    readBytes: async (path, mostBytes) => {
      const found = fileAt(path);
      const bytes = typeof found === 'string' ? Buffer.from(found, 'latin1') : found;
      if (bytes && bytes.length > mostBytes) throw new Error(`${path} is longer than ${mostBytes} bytes`);
      return bytes;
    },
    isFile: async (path) => fileAt(path) !== undefined,
    isFolder: async (path) => names.has(resolve(path) ?? ''),
    list: async (folder) => list(folder),
    find: async (folder, name) =>
      list(folder)
        .filter((entry) => name.test(entry))
        .map((entry) => posix.join(folder, entry)),
    linkTarget: async (path) => {
      const folder = resolve(posix.dirname(path));
      const entry = folder === undefined ? undefined : entries.get(posix.join(folder, posix.basename(path)));
      return typeof entry === 'object' && 'link' in entry ? entry.link : undefined;
    },
    realPath: async (path) => resolve(path) ?? path,
  };
}

/** Builds the first sector of a disk on which GRUB is installed. */
export function bootSector(code = 'GRUB \0Geom\0Hard Disk\0Read\0 Error'): Buffer {
  const sector = Buffer.alloc(512);
  sector.write(code, 0x180, 'latin1');
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

/**
 * A guest with one virtio disk, one NIC, BIOS firmware, and its root on `/dev/sda1` (the appliance's device name).
 * `content` is its files; `changes` overrides fields.
 */
export function bootSubject(content: TreeContent, changes: Partial<BootSubject> = {}): BootSubject {
  return {
    files: treeOfFiles(content),
    devices: [
      {
        name: '/dev/sda1',
        disk: 0,
        partition: 1,
        type: 'ext4',
        uuid: '11111111-aaaa-4bbb-8ccc-000000000001',
        label: 'root',
        partUuid: '22222222-01',
      },
    ],
    system: { id: 'debian', idLike: [], version: '12', prettyName: 'Debian GNU/Linux 12 (bookworm)' },
    mounts: [{ mountable: '/dev/sda1', path: '/' }],
    kernels: [],
    hardware: {
      firmware: 'bios',
      secureBoot: false,
      disks: [{ driver: 'virtio_blk', names: 'vd' }],
      nics: [{ mac: '52:54:00:00:00:01', driver: 'virtio_net' }],
    },
    readDisk: async () => bootSector(),
    ...changes,
  };
}

import { readFstab } from '../../inspect/disks/fstab.ts';
import { resolveDevice, type DeviceNames } from '../resolve-device.ts';
import type { ArchiveTree } from './archive/archive-tree.ts';
import type { InitramfsFinding } from './check-drivers.ts';
import type { InitramfsConfig } from './initramfs-config.ts';

/** File systems without a device. */
const NO_DEVICE =
  /^(tmpfs|proc|sysfs|devpts|overlay|none|ramfs|cgroup2?|efivarfs|debugfs|securityfs|nfs4?|cifs|9p|virtiofs)$/;

/** A device that a file of the initramfs waits for or mounts. */
interface Wanted {
  spec: string;
  what: string;
  path: string;
  line?: number;
  isAdvisory?: true;
}

/**
 * Checks the devices that files of the initramfs name: in initramfs-tools' settings, in fstab, and in the waits of
 * dracut and systemd.
 */
export async function checkWaits(
  tree: ArchiveTree,
  config: InitramfsConfig,
  names: DeviceNames,
): Promise<InitramfsFinding[]> {
  const wanted = [...ofSettings(config), ...(await ofFstab(tree)), ...(await ofDracut(tree)), ...(await ofUnits(tree))];
  return wanted.map(({ spec, what, path, line, isAdvisory }) => {
    const place = { path, ...(line === undefined ? {} : { line }), ...(isAdvisory ? { isAdvisory } : {}) };
    const found = resolveDevice(spec, names);
    if (found.state === 'found')
      return { verdict: 'ready', ...place, reason: `${what} ${spec}, which leads to ${found.device.name}.` };
    return {
      verdict: found.state === 'missing' ? 'not-ready' : 'unknown',
      ...place,
      reason: `${what} ${spec}: ${found.reason}.`,
    };
  });
}

function ofSettings({ settings }: InitramfsConfig): Wanted[] {
  return settings.flatMap(({ name, value, path, line }): Wanted[] => {
    if (!/^(UUID=|LABEL=|PARTUUID=|PARTLABEL=|\/dev\/)/.test(value)) return [];
    // initramfs-tools stops waiting after 30 seconds and continues.
    if (name === 'RESUME') return [{ spec: value, what: 'RESUME is', path, line, isAdvisory: true }];
    return name === 'ROOT' ? [{ spec: value, what: 'ROOT is', path, line }] : [];
  });
}

async function ofFstab(tree: ArchiveTree): Promise<Wanted[]> {
  const wanted: Wanted[] = [];
  for (const path of await tree.find('/etc', /^fstab(\.\w+)?$/)) {
    const lines = ((await tree.read(path)) ?? '').split('\n');
    for (const [index, line] of lines.entries()) {
      for (const { spec, path: target, type, options } of readFstab(line)) {
        if (NO_DEVICE.test(type) || options.includes('noauto') || options.includes('nofail')) continue;
        wanted.push({ spec, what: `${target} is on`, path, line: index + 1 });
      }
    }
  }
  return wanted;
}

/** Scripts that dracut repeats until they succeed: `devexists-\x2fdev\x2fdisk\x2fby-uuid\x2f....sh`. */
async function ofDracut(tree: ArchiveTree): Promise<Wanted[]> {
  const folders = ['/usr/lib/dracut', '/lib/dracut', '/var/lib/dracut'].map(
    (folder) => `${folder}/hooks/initqueue/finished`,
  );
  const found = (await Promise.all(folders.map((folder) => tree.find(folder, /^(\d+-)?devexists-/)))).flat();
  const real = new Map(await Promise.all(found.map(async (path) => [await tree.realPath(path), path] as const)));
  return [...real.values()].map((path) => {
    const name = path
      .slice(path.lastIndexOf('/') + 1)
      .replace(/^(\d+-)?devexists-/, '')
      .replace(/\.sh$/, '');
    return { spec: decodeHex(name), what: 'dracut waits for', path };
  });
}

/** Units that need a device: `initrd.target.requires/dev-disk-by\x2duuid-....device`. */
async function ofUnits(tree: ArchiveTree): Promise<Wanted[]> {
  const wanted: Wanted[] = [];
  for (const folder of await tree.find('/etc/systemd/system', /\.(wants|requires)$/)) {
    for (const path of await tree.find(folder, /^dev-.*\.device$/)) {
      const name = path.slice(path.lastIndexOf('/') + 1, -'.device'.length);
      wanted.push({ spec: `/${decodeHex(name.replaceAll('-', '/'))}`, what: 'systemd waits for', path });
    }
  }
  return wanted;
}

/** `\x2f` is a slash in the names of dracut and systemd. */
function decodeHex(text: string): string {
  return text.replace(/\\x([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

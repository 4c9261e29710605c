import type { GuestFiles } from '../guest-files.ts';
import type { GuestSystem } from '../guest.ts';

/** Release files of systems older than os-release (2012). */
const OLD_RELEASE_FILES = [
  { path: '/etc/centos-release', id: 'centos', idLike: ['rhel', 'fedora'] },
  { path: '/etc/oracle-release', id: 'ol', idLike: ['rhel', 'fedora'] },
  { path: '/etc/redhat-release', id: 'rhel', idLike: ['fedora'] },
  { path: '/etc/SuSE-release', id: 'sles', idLike: ['suse'] },
  { path: '/etc/debian_version', id: 'debian', idLike: [] },
  { path: '/etc/arch-release', id: 'arch', idLike: [] },
];

/** The mounted operating system's description of itself. */
export async function readSystem(files: GuestFiles): Promise<GuestSystem> {
  const osRelease = (await files.read('/etc/os-release')) ?? (await files.read('/usr/lib/os-release'));
  if (osRelease !== undefined) return systemOf(osRelease);
  for (const { path, id, idLike } of OLD_RELEASE_FILES) {
    const text = await files.read(path);
    if (text === undefined) continue;
    const line = text.split('\n')[0]?.trim() ?? '';
    return { id, idLike, version: /\d+(\.\d+)*/.exec(line)?.[0] ?? '', prettyName: line };
  }
  return { id: '', idLike: [], version: '', prettyName: 'an unidentified Linux distribution' };
}

/** Parses the text of an os-release(5) file. */
export function systemOf(osRelease: string): GuestSystem {
  const value = (key: string): string => {
    const [, quoted] = new RegExp(`^${key}=(.*)$`, 'm').exec(osRelease) ?? [];
    return (quoted ?? '').trim().replace(/^(["'])(.*)\1$/, '$2');
  };
  const id = value('ID');
  return {
    id,
    idLike: value('ID_LIKE')
      .split(/\s+/)
      .filter((word) => word !== ''),
    version: value('VERSION_ID'),
    prettyName: value('PRETTY_NAME') || id,
  };
}

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { outputOf } from '../../oracles/run-program.ts';
import { emptyDisk, withSession } from '../make-disk.ts';
import { minimalHive } from './minimal-hive.ts';

/** The parts of the registry that libguestfs inspection and virt-v2v read. */
const REGISTRY = {
  SOFTWARE: `
[\\Microsoft\\Windows NT\\CurrentVersion]
"ProductName"=str(1):"Windows 10 Pro"
"CurrentVersion"=str(1):"6.3"
"CurrentMajorVersionNumber"=dword:0000000a
"CurrentMinorVersionNumber"=dword:00000000
"CurrentBuildNumber"=str(1):"19045"
"InstallationType"=str(1):"Client"

[\\Microsoft\\Windows\\CurrentVersion]
"DevicePath"=str(2):"%SystemRoot%\\\\inf"
`,
  SYSTEM: `
[\\Select]
"Current"=dword:00000002

[\\ControlSet002\\Control]

[\\ControlSet002\\Services]

[\\DriverDatabase]
`,
};

/** Creates a disk that libguestfs and virt-v2v detect as Windows 10. It does not boot. */
export async function makePhonyWindows(
  folder: string,
  hivexregedit: string,
): Promise<{ path: string; format: string }> {
  for (const [name, registry] of Object.entries(REGISTRY)) {
    await writeFile(join(folder, name), minimalHive());
    await writeFile(join(folder, `${name}.reg`), withParents(registry));
    await outputOf(hivexregedit, ['--merge', join(folder, name), join(folder, `${name}.reg`)]);
  }
  await writeFile(join(folder, 'cmd.exe'), programOfX64());
  const disk = await emptyDisk(folder, 'windows.raw', 192 * 2 ** 20);
  await withSession([disk], false, async (session) => {
    await session.call(['part-disk', '/dev/sda', 'mbr']);
    await session.call(['mkfs', 'ntfs', '/dev/sda1']);
    await session.call(['mount', '/dev/sda1', '/']);
    for (const name of ['/Windows/System32/config', '/Windows/System32/drivers', '/Program Files']) {
      await session.call(['mkdir-p', name]);
    }
    for (const name of Object.keys(REGISTRY)) {
      await session.call(['upload', join(folder, name), `/Windows/System32/config/${name}`]);
    }
    await session.call(['upload', join(folder, 'cmd.exe'), '/Windows/System32/cmd.exe']);
    await session.call(['touch', '/autoexec.bat']);
  });
  return disk;
}

/** Creates a folder with the layout of virtio-win. The drivers are text files. */
export async function makeVirtioWin(folder: string, release: string): Promise<string> {
  const path = join(folder, `virtio-win-${release}`);
  for (const name of ['viostor', 'NetKVM']) {
    const place = join(path, name, release, 'amd64');
    await mkdir(place, { recursive: true });
    for (const kind of ['sys', 'inf', 'cat'])
      await writeFile(join(place, `${name.toLowerCase()}.${kind}`), `${name} ${kind}\n`);
  }
  return path;
}

/** Adds all parent keys, because hivexregedit adds a key only below an existing one. */
function withParents(registry: string): string {
  const text = registry.replace(/^\[\\(.*)\]$/gm, (_line, key: string) => {
    const names = key.split('\\');
    return names.map((_name, index) => `[\\${names.slice(0, index + 1).join('\\')}]`).join('\n\n');
  });
  return `Windows Registry Editor Version 5.00\n${text}`;
}

/** Builds the header of a PE32+ file, from which inspection detects the architecture. */
function programOfX64(): Buffer {
  const bytes = Buffer.alloc(1024);
  bytes.write('MZ');
  bytes.writeUInt32LE(0x80, 0x3c);
  bytes.write('PE', 0x80);
  bytes.writeUInt16LE(0x8664, 0x84);
  bytes.writeUInt16LE(0xf0, 0x94);
  bytes.writeUInt16LE(0x22, 0x96);
  bytes.writeUInt16LE(0x20b, 0x98);
  return bytes;
}

import { initramfsBytes } from '../../contract/boot-entries/loaders/pe-image.ts';
import { InitramfsError } from '../../contract/initramfs/archive/cpio.ts';
import { UnreadCompressionError } from '../../contract/initramfs/archive/decompress.ts';
import { unpackInitramfs } from '../../contract/initramfs/archive/unpack.ts';
import type { Guest, GuestKernel } from '../../guest.ts';
import { argumentString } from '../../guestfs-words.ts';

/** The guest's program that builds its initramfs, and the configuration that makes it include drivers. */
export interface InitramfsTool {
  name: 'update-initramfs' | 'dracut' | 'mkinitcpio';
  /** The program that lists the content of an image. */
  lister: string;
  rebuild: (kernel: GuestKernel, image: string) => string[];
  /** A second command, which runs after the first one has succeeded. */
  afterwards?: readonly string[];
  /** The image path for a kernel without an image. */
  imageOf: (kernel: GuestKernel) => string;
  configPath: string;
  /** The configuration with `modules` added; unchanged if it already contains them. */
  configure: (before: string | undefined, modules: readonly string[]) => string;
}

const UPDATE_INITRAMFS: InitramfsTool = {
  name: 'update-initramfs',
  lister: 'lsinitramfs',
  rebuild: ({ version, initramfs }) => ['update-initramfs', initramfs === undefined ? '-c' : '-u', '-k', version],
  imageOf: ({ version }) => `/boot/initrd.img-${version}`,
  configPath: '/etc/initramfs-tools/modules',
  configure: (before = '', modules) => {
    const there = new Set(before.split('\n').map((line) => line.trim().split(/\s+/)[0]));
    const missing = modules.filter((module) => !there.has(module));
    const end = before === '' || before.endsWith('\n') ? '' : '\n';
    return missing.length === 0 ? before : `${before}${end}${missing.join('\n')}\n`;
  },
};

const DRACUT: InitramfsTool = {
  name: 'dracut',
  lister: 'lsinitrd',
  rebuild: ({ version }, image) => ['dracut', '--force', image, version],
  imageOf: ({ version }) => `/boot/initramfs-${version}.img`,
  configPath: '/etc/dracut.conf.d/90-hyper2kvm.conf',
  configure: (_before, modules) =>
    `# Written by hyper2kvm: the drivers of KVM disks and NICs.\nadd_drivers+=" ${modules.join(' ')} "\n`,
};

const MKINITCPIO: InitramfsTool = {
  name: 'mkinitcpio',
  lister: 'lsinitcpio',
  rebuild: ({ version }, image) => ['mkinitcpio', '-k', version, '-g', image],
  imageOf: ({ image }) => image.replace('vmlinuz-', 'initramfs-') + '.img',
  configPath: '/etc/mkinitcpio.conf',
  configure: (before = '', modules) => addToModules(before, modules),
};

/** `MODULES=(a b)`, or `MODULES="a b"` in older releases. Bash reads the file, so the last line takes precedence. */
function addToModules(text: string, modules: readonly string[]): string {
  const lines = text.split('\n');
  const at = lines.findLastIndex((line) => line.startsWith('MODULES='));
  const [, open = '(', words = '', close = ')'] = /^MODULES=([("'])(.*?)([)"'])/.exec(lines[at] ?? '') ?? [];
  const there = words.split(/\s+/).filter((word) => word !== '');
  const missing = modules.filter((module) => !there.includes(module));
  if (missing.length === 0) return text;
  const line = `MODULES=${open}${[...there, ...missing].join(' ')}${close}`;
  if (at < 0) return `${text.replace(/\n?$/, '\n')}${line}\n`;
  lines[at] = line;
  return lines.join('\n');
}

const TOOLS: readonly { tool: InitramfsTool; programs: readonly string[] }[] = [
  { tool: UPDATE_INITRAMFS, programs: ['/usr/sbin/update-initramfs'] },
  { tool: DRACUT, programs: ['/usr/bin/dracut', '/sbin/dracut', '/usr/sbin/dracut'] },
  { tool: MKINITCPIO, programs: ['/usr/bin/mkinitcpio', '/sbin/mkinitcpio'] },
];

/** The guest's tool; undefined if it has no known one. */
export async function findInitramfsTool({ files }: Pick<Guest, 'files'>): Promise<InitramfsTool | undefined> {
  for (const { tool, programs } of TOOLS) {
    for (const program of programs) if (await files.isFile(program)) return tool;
  }
  return undefined;
}

const LIST_LIMIT_MS = 600_000;
/** An initramfs with all firmware has about 300 MiB. */
const MOST_IMAGE_BYTES = 1024 ** 3;

/**
 * The paths in an image; undefined if it cannot be read. The guest's own program lists only images that cannot be
 * unpacked here, because it takes minutes in an emulated appliance.
 */
export async function listInitramfs(
  { session, files }: Pick<Guest, 'session' | 'files'>,
  tool: InitramfsTool | undefined,
  image: string,
): Promise<string[] | undefined> {
  return (await unpackedPaths(files, image)) ?? (tool && (await listedPaths(session, tool, image)));
}

async function unpackedPaths(files: Guest['files'], image: string): Promise<string[] | undefined> {
  const bytes = await files.readBytes(image, MOST_IMAGE_BYTES);
  if (bytes === undefined) return undefined;
  try {
    return (await unpackInitramfs([initramfsBytes(bytes)])).paths();
  } catch (error) {
    if (error instanceof InitramfsError || error instanceof UnreadCompressionError) return undefined;
    throw error;
  }
}

async function listedPaths(
  session: Guest['session'],
  { lister }: InitramfsTool,
  image: string,
): Promise<string[] | undefined> {
  // The guest is mounted read-only, and the program needs a place for its temporary files: /dev is in the appliance's
  // memory.
  const command = argumentString(['env', 'TMPDIR=/dev', 'LC_ALL=C', lister, image]);
  const output = await session.attempt(['command', command], { limitMs: LIST_LIMIT_MS });
  const lines = output?.toString('latin1').split('\n') ?? [];
  // lsinitrd prints them like `ls -l`.
  const paths = lines.map((line) => line.replace(/^.*\s(?=\S+$)/, '').trim()).filter((path) => path !== '');
  return paths.length === 0 ? undefined : paths;
}

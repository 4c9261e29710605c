import { Hyper2kvmError } from '../../base/errors.ts';
import type { Fix, GuestDraft } from '../change.ts';
import type { Guest } from '../guest.ts';
import { argumentString } from '../guestfs-words.ts';
import { runInGuest } from './guest-command.ts';
import { planVmwareMounts } from './vmware-mounts.ts';

const NAME = 'vmware';

/** The units and scripts of open-vm-tools and VMware Tools. */
const SERVICE =
  /^(S\d\d)?(open-vm-tools|vmtoolsd|vgauthd?|vmware-tools(-\w+)?|vmware-vmblock-fuse|run-vmblock.*)(\.service|\.mount)?$/;
const PACKAGES = ['open-vm-tools-desktop', 'open-vm-tools', 'open-vm-tools-sdmp', 'open-vm-tools-salt-minion'];
const BLACKLIST = /^\s*(blacklist\s+virtio\w*|install\s+virtio\w*\s+\/(usr\/)?bin\/(true|false))\s*$/;

/** VMware's tools do not run on KVM, and settings for its graphics card and drivers would interfere. */
export function vmwareLeftovers({ removeTools }: { removeTools: boolean }): Fix {
  return {
    name: NAME,
    async plan(guest, draft) {
      for (const path of await serviceLinks(guest)) draft.unlink(NAME, path, ['the service is disabled']);
      await planUpstart(guest, draft);
      await planVmwareMounts(guest, draft);
      for (const path of await guest.files.find('/etc/modprobe.d', /\.conf$/)) await planBlacklist(draft, path);
      const xorg = await guest.files.find('/etc/X11/xorg.conf.d', /\.conf$/);
      for (const path of ['/etc/X11/xorg.conf', ...xorg]) await planVideo(draft, path);
      if (removeTools) await planRemoval(guest, draft);
    },
  };
}

/** Links in systemd's `*.wants` and in SysV's `rc?.d`. */
async function serviceLinks({ files }: Guest): Promise<string[]> {
  const wants = await files.find('/etc/systemd/system', /\.(wants|requires)$/);
  const runLevels = (await files.find('/etc', /^rc[2-5]\.d$/)).concat(await files.find('/etc/rc.d', /^rc[2-5]\.d$/));
  const found: string[] = [];
  const seen = new Set<string>();
  for (const folder of [...wants, ...runLevels]) {
    const real = await files.realPath(folder);
    if (seen.has(real)) continue;
    seen.add(real);
    for (const path of await files.find(real, SERVICE)) {
      if (/\/S\d\d|\.(service|mount)$/.test(path) && (await files.isLink(path))) found.push(path);
    }
  }
  return found;
}

/** upstart: an `.override` disables a job without removing it. */
async function planUpstart({ files }: Guest, draft: GuestDraft): Promise<void> {
  for (const path of await files.find('/etc/init', /^vmware-tools.*\.conf$/)) {
    const override = path.replace(/\.conf$/, '.override');
    if ((await draft.read(override)) === undefined) {
      await draft.write(NAME, override, 'manual\n', ['the service is disabled']);
    }
  }
}

async function planBlacklist(draft: GuestDraft, path: string): Promise<void> {
  await planLines(draft, path, (line) => (BLACKLIST.test(line) ? `#${line}` : line));
}

/** X detects its driver automatically; `modesetting` works with every graphics card of QEMU. */
async function planVideo(draft: GuestDraft, path: string): Promise<void> {
  await planLines(draft, path, (line) => line.replace(/^(\s*Driver\s+)"vmware"/i, '$1"modesetting"'));
}

async function planLines(draft: GuestDraft, path: string, change: (line: string) => string): Promise<void> {
  const before = await draft.read(path);
  if (before === undefined) return;
  const lines = before.split('\n');
  const details = lines
    .filter((line) => change(line) !== line)
    .map((line) => `${line.trim()} → ${change(line).trim()}`);
  await draft.write(NAME, path, lines.map(change).join('\n'), details);
}

async function planRemoval(guest: Guest, draft: GuestDraft): Promise<void> {
  const found = await findPackages(guest);
  if (!found) {
    if (await guest.files.isFile('/usr/bin/vmware-uninstall-tools.pl')) {
      draft.warn('VMware Tools were installed from an archive: run vmware-uninstall-tools.pl in the guest.');
    }
    return;
  }
  const { names, command } = found;
  const details = names.map((name) => `package ${name} is removed`);
  draft.run({ fix: NAME, path: command[0] ?? '', details }, async () => {
    const { error } = await runInGuest(guest, draft, [...command, ...names]);
    if (error === undefined) return;
    throw new Hyper2kvmError('guest', `${command[0]} in the guest did not remove ${names.join(', ')}: ${error}`, {
      hint: 'Omit --remove-vmware-tools: its services are disabled anyway.',
    });
  });
}

/**
 * The installed packages, and the command of the guest's package manager to remove them. There is no network, so the
 * low-level tool (such as dpkg or rpm) is used.
 */
async function findPackages(guest: Guest): Promise<{ names: string[]; command: string[] } | undefined> {
  const { files, session } = guest;
  if (await files.isFile('/var/lib/dpkg/status')) {
    const listed = new Set(await files.list('/var/lib/dpkg/info'));
    return some(
      PACKAGES.filter((name) => listed.has(`${name}.prerm`) || listed.has(`${name}.md5sums`)),
      ['dpkg', '--remove'],
    );
  }
  if (await files.isFolder('/var/lib/pacman/local')) {
    const entries = await files.list('/var/lib/pacman/local');
    const installed = new Set(entries.map((entry) => entry.replace(/-[^-]+-[^-]+$/, '')));
    return some(
      PACKAGES.filter((name) => installed.has(name)),
      ['pacman', '-R', '--noconfirm'],
    );
  }
  const rpm = (await Promise.all(['/usr/bin/rpm', '/bin/rpm'].map((path) => files.isFile(path)))).includes(true);
  if (!rpm) return undefined;
  const output = await session.attempt([
    'command',
    argumentString(['rpm', '-qa', '--qf', String.raw`%{NAME}\n`, 'open-vm-tools*']),
  ]);
  const names =
    output
      ?.toString('latin1')
      .split('\n')
      .filter((name) => PACKAGES.includes(name)) ?? [];
  return some(names, ['rpm', '-e']);
}

function some(names: string[], command: string[]): { names: string[]; command: string[] } | undefined {
  return names.length === 0 ? undefined : { names, command };
}

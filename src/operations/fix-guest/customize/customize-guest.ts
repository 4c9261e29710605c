import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Hyper2kvmError } from '../../../base/errors.ts';
import { localFileError } from '../../../base/files/local-file-error.ts';
import type { Change } from '../../../guest/change.ts';
import {
  AGENT_PACKAGE,
  AGENT_UNIT,
  choosePackages,
  ENABLE_SCRIPT,
  GUEST_PACKAGES,
  installScript,
  releaseFolders,
  START_AGENT,
  type ChosenPackages,
  type PackageKind,
} from '../../../guest/customize/agent-packages.ts';
import { describeCommand, networkCommand } from '../../../guest/customize/command-file.ts';
import { CustomizeError } from '../../../guest/customize/customize-errors.ts';
import { runVirtCustomize } from '../../../guest/customize/virt-customize.ts';
import type { Guest } from '../../../guest/guest.ts';
import type { GuestfsDisk } from '../../../guest/guestfs.ts';
import type { OperationContext } from '../../operation-context.ts';
import type { ChangeOptions } from '../change-report.ts';
import type { Customization } from './customize-request.ts';
import type { FixEvent } from '../types.ts';

/** How the agent gets into the guest. */
type AgentStep =
  | { how: 'enable' }
  | { how: 'install'; kind: PackageKind; folder: string; packages: ChosenPackages }
  | { how: 'first-boot' };

/** What virt-customize does in one guest. */
export interface CustomizePlan {
  customization: Customization;
  agent: AgentStep | undefined;
  /** The guest uses SELinux. */
  relabel: boolean;
  /** The encrypted devices that were opened. */
  opened: readonly string[];
  changes: Change[];
}

/**
 * Decides what virt-customize has to do in a mounted guest; undefined if that is nothing. Changes nothing.
 * @throws kind `guest` if the folder of `--guest-agent` has no package for this guest.
 */
export async function planCustomization(
  guest: Guest,
  customization: Customization,
): Promise<CustomizePlan | undefined> {
  const { guestAgent } = customization;
  const agent = guestAgent === undefined ? undefined : await planAgent(guest, guestAgent.packages);
  const changes = [...commandChanges(customization), ...(agent === undefined ? [] : [agentChange(agent)])];
  if (changes.length === 0) return undefined;
  const selinux = (await guest.files.read('/etc/selinux/config')) ?? '';
  const relabel = /^\s*SELINUX=(enforcing|permissive)\s*$/m.test(selinux);
  return { customization, agent, relabel, opened: guest.opened.map(({ device }) => device), changes };
}

/**
 * virt-customize changes every system that libguestfs finds. The session's file systems are unmounted.
 * @throws if that is not exactly one.
 */
export async function requireOneSystem({ session }: Pick<Guest, 'session'>): Promise<void> {
  await session.call(['umount-all']);
  const roots = await session.lines(['inspect-os']);
  if (roots.length === 1) return;
  const found =
    roots.length === 0 ? 'libguestfs finds no system' : `libguestfs finds several systems (${roots.join(', ')})`;
  throw new CustomizeError('guest', `virt-customize cannot be used on these disks: ${found}.`, {
    hint: 'Convert without --customize, --firstboot and --guest-agent.',
  });
}

/** Runs virt-customize on the disks, and returns its warnings. After a failure the disks are partly changed. */
export async function customizeDisks(
  { customization, agent, relabel, opened }: Omit<CustomizePlan, 'changes'>,
  disks: readonly GuestfsDisk[],
  { keys, env = process.env, onWarning }: Pick<ChangeOptions, 'keys' | 'env' | 'onWarning'>,
  { signal, report }: OperationContext<FixEvent>,
): Promise<string[]> {
  const { program, file, firstboot, network, secrets } = customization;
  report({ type: 'fix', step: 'change', detail: 'Starting virt-customize' });
  const warnings = await runVirtCustomize({
    program,
    disks,
    keys: keys.flatMap((key) =>
      key.device === 'all' ? opened.map((device) => ({ device, keyFile: key.keyFile })) : [key],
    ),
    text: file?.text,
    more: async (scratch) => [
      ...firstboot.flatMap((script) => ['--firstboot', script]),
      ...(agent === undefined ? [] : await agentArguments(agent, scratch)),
    ],
    network,
    relabel,
    secrets,
    hint: hintFor(customization),
    signal,
    env,
    onWarning,
    onStep: (text) => report({ type: 'fix', step: 'change', detail: `virt-customize: ${text}` }),
  });
  return warnings.map((warning) => `virt-customize: ${warning}`);
}

function hintFor({ file, network }: Customization): string {
  const needy = network ? undefined : networkCommand(file?.commands ?? []);
  const first =
    needy === undefined ? '' : `${needy.name} needs the network: add --customize-network, or use firstboot-install. `;
  return `${first}The source is unchanged.`;
}

/** What the command file and the scripts do, as changes. */
export function commandChanges({ file, firstboot }: Customization): Change[] {
  const commands = file?.commands ?? [];
  const details = commands.map(describeCommand);
  return [
    ...(file === undefined || commands.length === 0
      ? []
      : [{ fix: 'customize', action: 'run', path: file.path, details } as const]),
    ...firstboot.map((path) => {
      return { fix: 'customize', action: 'run', path, details: ['runs at the first boot'] } as const;
    }),
  ];
}

function agentChange(agent: AgentStep): Change {
  const details = {
    enable: () => [`${AGENT_UNIT} is enabled`],
    'first-boot': () => [`${AGENT_PACKAGE} is installed at the first boot, from the guest's own repositories`],
    install: () => [agent.how === 'install' ? `${agent.packages.agent} of ${agent.folder} is installed` : ''],
  };
  return { fix: 'guest-agent', action: 'run', path: 'qemu-ga', details: details[agent.how]() };
}

const PROGRAMS = ['/usr/sbin/qemu-ga', '/usr/bin/qemu-ga', '/usr/local/bin/qemu-ga'];
/** Links of an enabled unit or System V script, and the udev rule by which Debian starts the agent. */
const STARTS = [
  `/etc/systemd/system/*.wants/${AGENT_UNIT}`,
  `/etc/rc*.d/S*${AGENT_PACKAGE}`,
  '/usr/lib/udev/rules.d/*qemu-guest-agent*',
  '/lib/udev/rules.d/*qemu-guest-agent*',
];

async function planAgent(guest: Guest, packages: string | undefined): Promise<AgentStep | undefined> {
  const { files, session, system } = guest;
  for (const path of PROGRAMS) {
    if (!(await files.isFile(path))) continue;
    for (const pattern of STARTS) if ((await session.lines(['glob-expand', pattern])).length > 0) return undefined;
    return { how: 'enable' };
  }
  if (packages === undefined) return { how: 'first-boot' };
  const kind = await packageKind(guest);
  if (kind === undefined) {
    throw new Hyper2kvmError('guest', `${system.prettyName} uses neither dpkg nor rpm.`, {
      hint: '--guest-agent without a folder installs the agent at the first boot.',
    });
  }
  const { folder, names } = await listPackages(packages, releaseFolders(system));
  const architecture = await architectureOf(guest);
  return { how: 'install', kind, folder, packages: choosePackages(names, folder, { system, kind, architecture }) };
}

async function packageKind({ files }: Guest): Promise<PackageKind | undefined> {
  if (await files.isFile('/usr/bin/dpkg')) return 'deb';
  for (const path of ['/usr/bin/rpm', '/bin/rpm']) if (await files.isFile(path)) return 'rpm';
  return undefined;
}

/** The architecture of the guest's programs, by libguestfs' name. */
async function architectureOf({ files, session }: Guest): Promise<string> {
  return await session.text(['file-architecture', await files.realPath('/bin/sh')]);
}

/** The first of the subfolders that exists, else the folder itself. */
async function listPackages(
  packages: string,
  subfolders: readonly string[],
): Promise<{ folder: string; names: string[] }> {
  try {
    const entries = await readdir(packages);
    const subfolder = subfolders.find((name) => entries.includes(name));
    const folder = subfolder === undefined ? packages : join(packages, subfolder);
    return { folder, names: subfolder === undefined ? entries : await readdir(folder) };
  } catch (error) {
    throw localFileError('read', packages, error);
  }
}

/** Arguments of virt-customize for the agent; scripts are written into `scratch`. */
async function agentArguments(agent: AgentStep, scratch: string): Promise<string[]> {
  if (agent.how === 'first-boot') {
    return ['--firstboot-install', AGENT_PACKAGE, '--firstboot-command', START_AGENT];
  }
  const script = join(scratch, 'guest-agent');
  const text = agent.how === 'enable' ? ENABLE_SCRIPT : installScript(agent.kind, agent.packages);
  await writeFile(script, text, { flag: 'wx', mode: 0o700 });
  if (agent.how === 'enable') return ['--run', script];
  const { folder, packages } = agent;
  const uploads = [packages.agent, ...packages.others].flatMap((name) => [
    '--upload',
    `${join(folder, name)}:${GUEST_PACKAGES}/${name}`,
  ]);
  return ['--mkdir', GUEST_PACKAGES, ...uploads, '--run', script, '--delete', GUEST_PACKAGES];
}

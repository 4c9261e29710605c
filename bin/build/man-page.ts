import type { Command, Interfaces } from '@oclif/core';
import { SIGNAL_EXIT_CODES } from '../../src/base/errors.ts';
import { EXIT_CODES } from '../../src/base/exit-codes.ts';
import { argWord, BIN, examplesOf, flagGroups, listedCommands, valueWord, type Flag } from './command-words.ts';
import { literal, macro, prose } from './man-text.ts';

const ENVIRONMENT: Readonly<Record<string, string>> = {
  HYPER2KVM_URL: 'The server, as --url. Else GOVC_URL.',
  HYPER2KVM_USERNAME: 'The account, as --username. Else GOVC_USERNAME.',
  HYPER2KVM_PASSWORD: 'The password of the account. Else GOVC_PASSWORD.',
  HYPER2KVM_THUMBPRINT: "The thumbprint of the server's certificate, as --thumbprint.",
  HYPER2KVM_CA_FILE: 'PEM files with certificate authorities to trust, parted by colons, as --ca-file.',
  HYPER2KVM_INSECURE: '1 is --insecure. Else GOVC_INSECURE.',
  HYPER2KVM_CONFIG: 'The configuration file, as --config.',
  HYPER2KVM_PROFILE: 'The profile of the configuration file, as --profile.',
  HYPER2KVM_SHARD_COUNT: 'How many shards there are, for --shard auto in a Kubernetes Indexed Job.',
  HYPER2KVM_JOB_ID: 'Set for --notify-command: the id of the job that ended.',
  HYPER2KVM_JOB_STATE: 'Set for --notify-command: what became of the job.',
  HYPER2KVM_DEBUG: '1 is --debug.',
  HYPER2KVM_TRACE: 'A folder in which each run records its calls to the server, for a bug report.',
  GOVC_TLS_CA_CERTS:
    'PEM files with certificate authorities that are trusted instead of those of the system, as govc does.',
  GOVC_TLS_KNOWN_HOSTS: 'Files with thumbprints of servers, as govc writes them.',
};

const FILES: Readonly<Record<string, string>> = {
  '~/.config/hyper2kvm/config.yaml': 'The configuration file, below XDG_CONFIG_HOME where that is set.',
  '~/.local/state/hyper2kvm/jobs': 'Records of jobs, below XDG_STATE_HOME where that is set.',
  '~/.local/state/hyper2kvm/vm-names':
    'Names of VMs for the completion in shells, of mode 0600, a file for each server.',
  '~/.local/state/hyper2kvm/claims': 'Locked files, one for each output that a run of this user writes.',
};

/**
 * Generates the man page hyper2kvm(1) from oclif's manifest, as mdoc(7) source.
 * @param date in the format of man pages: `November 22, 2026`
 */
export function manPage(
  manifest: Interfaces.Manifest,
  { description, date }: { description: string; date: string },
): string {
  const commands = listedCommands(manifest);
  const shared = sharedGroups(commands);
  const summary = description.charAt(0).toLowerCase() + description.slice(1);
  return [
    `.Dd ${date}`,
    `.Dt ${BIN.toUpperCase()} 1`,
    '.Os',
    '.Sh NAME',
    `.Nm ${BIN}`,
    `.Nd ${summary}`,
    '.Sh SYNOPSIS',
    '.Nm',
    '.Ar command',
    '.Op Ar word ...',
    '.Op Ar flags',
    '.Nm',
    '.Ar command',
    '.Fl -help',
    '.Nm',
    '.Fl -version',
    '.Sh COMMANDS',
    ...commands.flatMap((command) => commandSection(command, shared)),
    ...[...shared].flatMap(([heading, flags]) => [`.Sh ${heading.toUpperCase()}`, ...flagList(flags)]),
    '.Sh ENVIRONMENT',
    ...list(ENVIRONMENT, (name) => `.It Ev ${name}`),
    '.Sh FILES',
    ...list(FILES, (path) => `.It Pa ${path}`),
    '.Sh EXIT STATUS',
    ...exitStatus(),
    '.Sh SEE ALSO',
    '.Xr qemu-img 1 ,',
    '.Xr virsh 1 ,',
    '.Xr virt-v2v 1',
    '',
  ].join('\n');
}

/** Returns the flag groups that are identical in all commands that have them, such as the connection flags. The page documents them once. */
function sharedGroups(commands: readonly Command.Cached[]): Map<string, Flag[]> {
  const groups = Map.groupBy(commands.flatMap(flagGroups), ({ heading }) => heading);
  const same = [...groups].flatMap(([heading, uses]): [string, Flag[]][] => {
    const [first] = uses;
    const texts = new Set(uses.map(({ flags }) => flagList(flags).join('\n')));
    return first !== undefined && uses.length > 1 && texts.size === 1 ? [[heading, first.flags]] : [];
  });
  return new Map(same);
}

function commandSection(command: Command.Cached, shared: ReadonlyMap<string, unknown>): string[] {
  const args = Object.values(command.args);
  const words = args.map((arg) => macro(arg.required ? '.Ar' : '.Op Ar', argWord(arg)));
  const groups = flagGroups(command);
  const elsewhere = groups.filter(({ heading }) => shared.has(heading)).map(({ heading }) => heading);
  return [
    `.Ss ${BIN} ${command.id}`,
    `.Nm ${BIN} Cm ${command.id}`,
    ...words,
    '.Op Ar flags',
    '.Pp',
    ...prose(`${command.summary} ${command.description}`),
    ...(args.length > 0 ? ['.Bl -tag -width Ds', ...args.flatMap(argument), '.El'] : []),
    ...groups
      .filter(({ heading }) => !shared.has(heading))
      .flatMap(({ heading, flags }) => ['.Pp', `${heading}:`, ...flagList(flags)]),
    ...(elsewhere.length > 0 ? ['.Pp', 'Besides:', ...elsewhere.map(sectionLink)] : []),
    '.Pp',
    'Examples:',
    ...examplesOf(command).flatMap(({ description, line }) => [
      '.Pp',
      ...prose(`${description}:`),
      `.Dl ${literal(line)}`,
    ]),
  ];
}

function argument(arg: Command.Arg.Cached): string[] {
  return [macro('.It Ar', argWord(arg)), ...prose(arg.description ?? '')];
}

function sectionLink(heading: string, index: number, all: readonly unknown[]): string {
  return `.Sx ${heading.toUpperCase()} ${index === all.length - 1 ? '.' : ','}`;
}

function flagList(flags: readonly Flag[]): string[] {
  return ['.Bl -tag -width Ds', ...flags.flatMap(flagEntry), '.El'];
}

function flagEntry(flag: Flag): string[] {
  const no = flag.type === 'boolean' && flag.allowNo ? '[no\\-]' : '';
  const short = flag.char === undefined ? '' : `Fl ${flag.char} , `;
  const value = valueWord(flag);
  const long = `Fl \\-${no}${literal(flag.name)}${value === '' ? '' : ` Ns ${literal(value)}`}`;
  const standard = flag.type === 'option' && flag.default !== undefined ? ` Default: ${String(flag.default)}.` : '';
  return [`.It ${short}${long}`, ...prose(`${flag.description ?? ''}${standard}`)];
}

function list(entries: Readonly<Record<string, string>>, item: (name: string) => string): string[] {
  const items = Object.entries(entries).flatMap(([name, meaning]) => [item(name), ...prose(meaning)]);
  return ['.Bl -tag -width Ds', ...items, '.El'];
}

function exitStatus(): string[] {
  const codes = [
    { code: 0, meaning: 'all is well' },
    ...Object.values(EXIT_CODES),
    ...Object.entries(SIGNAL_EXIT_CODES).map(([signal, code]) => ({ code, meaning: `ended by ${signal}` })),
  ];
  return [
    '.Bl -tag -width Ds',
    ...codes
      .toSorted((a, b) => a.code - b.code)
      .flatMap(({ code, meaning }) => [
        `.It ${code}`,
        ...prose(`${meaning.charAt(0).toUpperCase()}${meaning.slice(1)}.`),
      ]),
    '.El',
  ];
}

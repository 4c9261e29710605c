import { MASK } from '../../base/text/secret.ts';

/** A command in a file of virt-customize, or one that a flag stands for. */
export interface CustomizeCommand {
  /** Without dashes: `copy-in`. */
  name: string;
  /** The rest of the line; '' without one. */
  argument: string;
  /** Counted from 1; undefined for a command that is not in a file. */
  line?: number | undefined;
}

/**
 * What an argument consists of:
 * - `plain`: nothing secret
 * - `file`: a file in the guest, then a colon and text that can be secret
 * - `selector`: after the name of an account, or without one, `file:PATH` or text that can be secret
 * - `program`: a command line, of which only the program is not secret
 * - `local`: a file of this host
 * - `local-to-guest`: a file of this host, a colon, and a path in the guest
 */
type Form = 'plain' | 'file' | 'selector' | 'program' | 'local' | 'local-to-guest';

/**
 * The commands whose arguments are understood here. Which ones exist, virt-customize itself reports. The argument of a
 * command that is not in this table is never shown.
 */
const FORMS: Readonly<Record<string, Form>> = {
  'append-line': 'file',
  chmod: 'plain',
  chown: 'plain',
  copy: 'plain',
  'copy-in': 'local-to-guest',
  delete: 'plain',
  edit: 'file',
  firstboot: 'local',
  'firstboot-command': 'program',
  'firstboot-install': 'plain',
  hostname: 'plain',
  'inject-qemu-ga': 'plain',
  'inject-virtio-win': 'plain',
  install: 'plain',
  link: 'plain',
  mkdir: 'plain',
  move: 'plain',
  password: 'selector',
  'password-crypto': 'plain',
  'root-password': 'selector',
  run: 'local',
  'run-command': 'program',
  scrub: 'plain',
  'selinux-relabel': 'plain',
  'sm-attach': 'selector',
  'sm-credentials': 'selector',
  'sm-register': 'plain',
  'sm-remove': 'plain',
  'sm-unregister': 'plain',
  'ssh-inject': 'selector',
  'tar-in': 'local-to-guest',
  timezone: 'plain',
  touch: 'plain',
  truncate: 'plain',
  'truncate-recursive': 'plain',
  uninstall: 'plain',
  update: 'plain',
  upload: 'local-to-guest',
  write: 'file',
};

/** The names of all commands whose arguments are understood here. */
export const UNDERSTOOD_COMMANDS: readonly string[] = Object.keys(FORMS);

/** Commands that need packages or a server, and fail in an appliance without a network. */
const NETWORK_COMMANDS: ReadonlySet<string> = new Set(['install', 'update', 'sm-register', 'sm-attach']);

/**
 * Parses a command file: one command per line, the name up to the first blank; empty lines and lines that begin with
 * `#` are comments; a backslash at the end makes the next line, with the line break, a part of the argument
 * (virt-customize(1), `--commands-from-file`).
 */
export function parseCommands(text: string): CustomizeCommand[] {
  const commands: CustomizeCommand[] = [];
  let pending: { text: string; line: number } | undefined;
  for (const [index, raw] of text.split('\n').entries()) {
    const start = pending ?? { text: '', line: index + 1 };
    const whole = start.text + raw;
    pending = whole.endsWith('\\') ? { text: `${whole.slice(0, -1)}\n`, line: start.line } : undefined;
    if (pending === undefined) commands.push(...commandOf(whole, start.line));
  }
  if (pending !== undefined) commands.push(...commandOf(pending.text, pending.line));
  return commands;
}

function commandOf(text: string, line: number): CustomizeCommand[] {
  const trimmed = text.trim();
  if (trimmed === '' || trimmed.startsWith('#')) return [];
  const [, name = '', argument = ''] = /^(\S+)\s*(.*)$/s.exec(trimmed) ?? [];
  return [{ name, argument, line }];
}

/** The command for people, without what can be secret: `root-password ***`, `write /etc/motd:***`. */
export function describeCommand({ name, argument }: CustomizeCommand): string {
  const [shown, hidden] = split(name, argument);
  const words = `${shown.replace(/\s+/g, ' ')}${hidden === '' ? '' : MASK}`;
  return words === '' ? name : `${name} ${words}`;
}

/** Texts of the commands that no message may contain, the longest first. */
export function secretTexts(commands: readonly CustomizeCommand[]): string[] {
  const found = commands.flatMap(({ name, argument }) => {
    const [, hidden] = split(name, argument);
    if (hidden === '') return [];
    const [, value = ''] = /^(?:password|string):(.*)$/s.exec(hidden) ?? [];
    // Messages break where the argument does.
    return [hidden, value, ...hidden.split('\n')].map((text) => text.trim());
  });
  return [...new Set(found)].filter((text) => text.length > 2).toSorted((a, b) => b.length - a.length);
}

/** Replaces every secret text. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((clean, secret) => clean.replaceAll(secret, MASK), text);
}

/** The files of this host that a command reads, as its argument names them. */
export function localFiles({ name, argument }: CustomizeCommand): string[] {
  const form = FORMS[name];
  if (form === 'local') return [argument];
  if (form === 'local-to-guest') return [argument.split(':', 1)[0] ?? ''];
  const [, path] = form === 'selector' ? (/^(?:[^:]*:)?file:(.+)$/s.exec(argument) ?? []) : [];
  return path === undefined ? [] : [path];
}

/** The first command that fails in an appliance without a network; undefined if there is none. */
export function networkCommand(commands: readonly CustomizeCommand[]): CustomizeCommand | undefined {
  return commands.find(({ name }) => NETWORK_COMMANDS.has(name));
}

/** The part of an argument that may be shown, and the rest. */
function split(name: string, argument: string): [shown: string, hidden: string] {
  const form = FORMS[name];
  if (form === undefined) return ['', argument];
  if (form === 'plain' || form === 'local' || form === 'local-to-guest') return [argument, ''];
  if (form === 'program') {
    const [program = ''] = /^\S+/.exec(argument) ?? [];
    const isNamed = /^[\w./-]+$/.test(program);
    return program === argument && isNamed
      ? [argument, '']
      : [isNamed ? `${program} ` : '', argument.slice(isNamed ? program.length + 1 : 0)];
  }
  if (form === 'selector' && /^(?:[^:]*:)?file:/.test(argument)) return [argument, ''];
  const colon = argument.indexOf(':');
  // `root-password` and `sm-attach` have no account.
  const hasAccount = form === 'file' || ['password', 'ssh-inject', 'sm-credentials'].includes(name);
  if (form === 'selector' && hasAccount && colon === -1) return [argument, ''];
  return hasAccount && colon !== -1 ? [argument.slice(0, colon + 1), argument.slice(colon + 1)] : ['', argument];
}

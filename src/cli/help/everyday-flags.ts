/**
 * The flags that `--help` shows, in this order; `--help-all` shows all of them. A command that is not listed here has so
 * few flags that `--help` shows its own ones and those in `COMMON`.
 */
const EVERYDAY: Readonly<Record<string, readonly string[]>> = {
  export: [
    'output',
    'format',
    'compress',
    'name',
    'snapshot',
    'shutdown',
    'from-file',
    'parallel-vms',
    'skip-existing',
    'limit-rate',
    'dry-run',
    'detach',
    'force',
  ],
  convert: [
    'output',
    'format',
    'compress',
    'name',
    'disk',
    'fix',
    'network',
    'define',
    'verify',
    'boot-test',
    'dry-run',
    'force',
  ],
};

/** Flags of every command, as far as it has them. */
const COMMON = ['url', 'username', 'password-file', 'profile', 'quiet', 'json'];

/** The global and connection flags of a command without a list of its own are those in `COMMON`. */
const SHARED_GROUPS = new Set(['GLOBAL', 'CONNECTION', 'LOG AND NOTICE']);

interface ShownFlag {
  name: string;
  helpGroup?: string | undefined;
}

/** The flags that the short help of a command shows, in order. */
export function everydayFlags<Flag extends ShownFlag>(command: string, flags: readonly Flag[]): Flag[] {
  const own =
    EVERYDAY[command] ?? flags.filter(({ helpGroup }) => !SHARED_GROUPS.has(helpGroup ?? '')).map(({ name }) => name);
  const byName = new Map(flags.map((flag) => [flag.name, flag]));
  return [...own, ...COMMON].flatMap((name) => byName.get(name) ?? []);
}

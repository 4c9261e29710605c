import { parse, YAMLParseError } from 'yaml';
import { Hyper2kvmError } from '../../base/errors.ts';
import { readSecret, type Secret } from '../../base/text/secret.ts';
import { checkAccess, readConfigFile } from '../config/config-file.ts';
import { nearWord } from '../text/near-word.ts';

/** One job in a job file. Strings and booleans are as in the file. */
export interface JobDefinition {
  vm: string | undefined;
  output: string | undefined;
  format: string | undefined;
  compress: boolean;
  parallel: number | undefined;
  /** The job requests removal of the CD-ROM drives first. */
  removeCdrom: boolean;
  url: string | undefined;
  username: string | undefined;
  password: Secret | undefined;
  insecure: boolean;
}

/** The supported keys of a job, and the type of each. */
const KEYS = {
  vm_path: 'string',
  output_path: 'string',
  output_dir: 'string',
  format: 'string',
  compress: 'boolean',
  vcenter_url: 'string',
  username: 'string',
  password: 'string',
  insecure: 'boolean',
  options: 'object',
} as const;
/** These keys name or date a job and have no effect. */
const IDLE_KEYS = ['id', 'name', 'created_at'];
const OPTIONS = { parallel_downloads: 'number', remove_cdrom: 'boolean' } as const;
/** Affects only the screen of another program. */
const IDLE_OPTIONS = ['show_individual_progress'];

type Kinds = Readonly<Record<string, 'string' | 'boolean' | 'number' | 'object'>>;

/**
 * Reads the jobs in a YAML or JSON file: one job, or several under `jobs`. An unknown key is an error. So is a key that
 * another program would act on but this one does not: a job must not silently do less than it specifies. A file with a
 * password must be accessible only to its owner.
 * @throws usage errors that name file and key, and never quote a value.
 */
export async function readJobFile(path: string): Promise<JobDefinition[]> {
  const file = await readConfigFile(path).catch((cause: unknown) => {
    const why = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : String(cause);
    throw new Hyper2kvmError('usage', `The job file ${path} cannot be read: ${why}.`, { cause });
  });
  const document = parseText(file.text, path);
  const jobs = isObject(document) && 'jobs' in document ? jobsOf(document, document.jobs, path) : [document];
  const definitions = jobs.map((job) => readJob(job, path));
  const hasSecret = definitions.some(({ password }) => password !== undefined);
  checkAccess(file, hasSecret);
  return definitions;
}

function parseText(text: string, path: string): unknown {
  try {
    // Pretty errors quote the source, which may contain a password.
    return parse(text, { prettyErrors: false });
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
    throw new Hyper2kvmError('usage', `${path} is neither YAML nor JSON (${error.code}).`, { cause: error });
  }
}

function jobsOf(document: object, jobs: unknown, path: string): unknown[] {
  const other = Object.keys(document).find((key) => key !== 'jobs');
  if (other !== undefined) throw unknownKey(path, other, ['jobs']);
  if (!Array.isArray(jobs) || jobs.length === 0)
    throw new Hyper2kvmError('usage', `${path}: jobs is not a list of jobs.`);
  return jobs;
}

function readJob(value: unknown, path: string): JobDefinition {
  const job = readKeys(value, 'a job', KEYS, IDLE_KEYS, path);
  const options = readKeys(job.get('options') ?? {}, 'options', OPTIONS, IDLE_OPTIONS, path);
  const text = (key: keyof typeof KEYS): string | undefined => {
    const found = job.get(key);
    return typeof found === 'string' && found !== '' ? found : undefined;
  };
  const password = text('password');
  const parallel = options.get('parallel_downloads');
  return {
    vm: text('vm_path'),
    output: text('output_path') ?? text('output_dir'),
    format: text('format'),
    compress: job.get('compress') === true,
    parallel: typeof parallel === 'number' ? parallel : undefined,
    removeCdrom: options.get('remove_cdrom') === true,
    url: text('vcenter_url'),
    username: text('username'),
    password: password === undefined ? undefined : readSecret(password, path),
    insecure: job.get('insecure') === true,
  };
}

function readKeys(
  value: unknown,
  what: string,
  kinds: Kinds,
  idle: readonly string[],
  path: string,
): ReadonlyMap<string, unknown> {
  if (!isObject(value)) throw new Hyper2kvmError('usage', `${path}: ${what} is not a mapping of keys to values.`);
  const entries = Object.entries(value).filter(([key]) => !idle.includes(key));
  for (const [key, content] of entries) {
    const kind = Object.hasOwn(kinds, key) ? kinds[key] : undefined;
    if (kind === undefined) throw unknownKey(path, key, [...Object.keys(kinds), ...idle]);
    if (typeof content !== kind) throw new Hyper2kvmError('usage', `${path}: ${key} must be a ${kind}.`);
  }
  return new Map<string, unknown>(entries);
}

function unknownKey(path: string, key: string, known: readonly string[]): Hyper2kvmError {
  const near = nearWord(key, known);
  const list = `Supported keys: ${known.join(', ')}.`;
  return new Hyper2kvmError('usage', `${path}: the key ${JSON.stringify(key)} is not supported.`, {
    hint: near === undefined ? list : `Did you mean ${near}? ${list}`,
  });
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

import { statSync } from 'node:fs';
import { extname, join, resolve } from 'node:path';
import { Hyper2kvmError } from '../../base/errors.ts';
import { safeFileName } from '../../base/files/file-names.ts';
import { homeFolder } from '../../base/files/home-folder.ts';
import { readChoice } from './option-values.ts';

/**
 * The path of `--output`, with a leading `~` expanded: shells do not expand it after an equals sign or in quotes, and a
 * configuration file has no shell.
 * @throws usage errors for an empty path, for another user's home directory, and when there is no home directory.
 */
export function readOutputPath(text: string | undefined, env: NodeJS.ProcessEnv): string | undefined {
  if (text === undefined) return undefined;
  if (text === '') throw new Hyper2kvmError('usage', '--output is empty.', { hint: 'Use . for the current folder.' });
  if (!text.startsWith('~')) return text;
  const home = homeFolder(env);
  const rest = text.slice(1);
  if (home !== undefined && (rest === '' || rest.startsWith('/'))) return join(home, rest);
  throw new Hyper2kvmError('usage', `--output ${text} cannot be expanded: only ~ and ~/PATH are supported.`, {
    hint: `Give the full path, or ./${text} for a file of that name.`,
  });
}

/**
 * The value of `--name`.
 * @throws usage error for a value that is not a valid file name on all systems; it is not changed silently.
 */
export function readOutputName(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const safe = safeFileName(text);
  if (safe === text.normalize('NFC')) return safe;
  if (text.trim() === '') throw new Hyper2kvmError('usage', '--name is empty.', { hint: 'Omit --name.' });
  throw new Hyper2kvmError('usage', `--name ${JSON.stringify(text)} is not a valid file name.`, {
    hint: `Use ${JSON.stringify(safe)} or another name without / and control characters; give the folder with --output.`,
  });
}

/**
 * Determines the format: the given one, otherwise that of the extension of `output`, otherwise the default. A path with
 * a trailing slash has no extension. With `isFile`, the output can be a file, and an existing folder has no extension
 * either.
 * @throws usage error when the given format and the extension disagree.
 */
export function readFormat<Format extends string>(
  given: string | undefined,
  output: string | undefined,
  { formats, fallback, isFile }: { formats: readonly Format[]; fallback: Format; isFile: boolean },
): Format {
  const format = given === undefined ? undefined : readChoice('--format', given, formats);
  const named = formats.find((each) => extname(output ?? '').toLowerCase() === `.${each}`);
  const isFolder = output?.endsWith('/') === true || (isFile && output !== undefined && isThere(output));
  if (named === undefined || isFolder) return format ?? fallback;
  if (format === undefined || format === named) return named;
  throw new Hyper2kvmError('usage', `--output ${output} has the extension of ${named}, but --format is ${format}.`, {
    hint: 'Omit --format, choose another name, or add a trailing / for a folder of that name.',
  });
}

function isThere(folder: string): boolean {
  return statSync(resolve(folder), { throwIfNoEntry: false })?.isDirectory() === true;
}

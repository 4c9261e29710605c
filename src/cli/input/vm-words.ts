import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { Hyper2kvmError, sentenceOf } from '../../base/errors.ts';

/**
 * Reads the VMs of `--from-file`, one per line, without blank lines and lines that start with `#`. `-` is standard
 * input, read to its end. A `#` later in a line belongs to the name.
 */
async function readVmFile(path: string, stdin: NodeJS.ReadableStream = process.stdin): Promise<string[]> {
  const content = path === '-' ? await text(stdin) : await read(path);
  return content
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new Hyper2kvmError('usage', `--from-file ${path} cannot be read: ${sentenceOf(error)}.`, { cause: error });
  }
}

/**
 * The VMs of a command line: the arguments of `command`, then those of `--from-file`.
 * @throws usage error when there is none.
 */
export async function requestedVms(
  command: string,
  words: readonly string[] | undefined,
  flags: { 'from-file'?: string | undefined; 'password-file'?: string | undefined },
): Promise<string[]> {
  const file = flags['from-file'];
  if (file === '-' && flags['password-file'] === '-') {
    throw new Hyper2kvmError('usage', '--from-file and --password-file cannot both read standard input.');
  }
  const vms = [...(words ?? []), ...(file === undefined ? [] : await readVmFile(file))];
  if (vms.length > 0) return vms;
  if (file !== undefined) throw new Hyper2kvmError('usage', `--from-file ${file} contains no VM.`);
  throw new Hyper2kvmError('usage', 'No VM is given.', {
    hint: `Give VMs after ${command}, or use --from-file FILE. hyper2kvm list shows the VMs of the server.`,
  });
}

import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { Hyper2kvmError, sentenceOf } from '../../base/errors.ts';

/**
 * Reads the VMs of `--from-file`, one per line, without blank lines and lines that start with `#`. `-` is standard
 * input, read to its end. A `#` later in a line belongs to the name.
 */
export async function readVmFile(path: string, stdin: NodeJS.ReadableStream = process.stdin): Promise<string[]> {
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

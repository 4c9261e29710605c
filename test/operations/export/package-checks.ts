import { expect } from '@jest/globals';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram } from '../../oracles/run-program.ts';
import {
  emptyContent,
  mixedContent,
  randomContent,
  writeRawFile,
  type ContentSource,
} from '../../server/content-source.ts';
import type { VmOptions } from '../../server/options.ts';

const MiB = 1 << 20;

/** The contents of the disks of {@link THREE_DISKS}: mixed data with a partial last grain, random data, and an empty disk. */
export const CONTENTS: readonly ContentSource[] = [
  mixedContent(6 * MiB + 512, 'mixed'),
  randomContent(2 * MiB, 'random'),
  emptyContent(3 * MiB),
];

/** A VM `web` with everything that an export includes. */
export const THREE_DISKS: VmOptions = {
  name: 'web',
  firmware: 'efi',
  nvram: Buffer.alloc(8684, 'nvram'),
  networkAdapters: [{ macAddress: '00:50:56:01:02:03' }],
  disks: CONTENTS.map((content) => ({ content })),
};

/** Compares a disk with its source content, which is written as a raw file next to it. */
export async function expectSameContent(qemuImg: string, vmdk: string, content: ContentSource): Promise<void> {
  const raw = `${vmdk}.expected`;
  await writeRawFile(content, raw);
  const { stdout, stderr } = await runProgram(qemuImg, ['compare', '-f', 'vmdk', '-F', 'raw', vmdk, raw]);
  expect(stdout + stderr).toBe('Images are identical.\n');
}

/** Checks a manifest with `sha256sum`: it must contain each of `names` with the correct hash. */
export async function expectRightManifest(folder: string, manifest: string, names: readonly string[]): Promise<void> {
  const script = 'cd "$1" && exec sha256sum --strict --check "$2"';
  const { stdout, stderr } = await runProgram('/bin/sh', ['-c', script, 'sh', folder, manifest]);
  expect(stderr).toBe('');
  expect(stdout.trim().split('\n').toSorted()).toEqual(names.map((name) => `${name}: OK`).toSorted());
}

/** Expects that the files in a descriptor exist, in this order and with the sizes that it states. */
export async function expectRightDescriptor(
  folder: string,
  descriptor: string,
  names: readonly string[],
): Promise<void> {
  const text = await readFile(join(folder, descriptor), 'utf8');
  const files = [...text.matchAll(/<File [^>]*>/g)].map(([tag]) => ({
    name: /ovf:href="([^"]*)"/.exec(tag)?.[1],
    sizeBytes: Number(/ovf:size="([^"]*)"/.exec(tag)?.[1]),
  }));
  const found = await Promise.all(
    names.map(async (name) => ({ name, sizeBytes: (await stat(join(folder, name))).size })),
  );
  expect(files).toEqual(found);
}

/** Lists the members of a tar with their sizes, in the order in which `tar` prints them. */
export async function listTar(path: string): Promise<{ name: string; sizeBytes: number }[]> {
  const { stdout, stderr } = await runProgram('tar', ['-tvf', path]);
  expect(stderr).toBe('');
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => /^\S+ \S+ +(\d+) \S+ \S+ (.*)$/.exec(line))
    .map((match) => ({ name: match?.[2] ?? '', sizeBytes: Number(match?.[1]) }));
}

import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openedByOthers } from '../../../src/image/file/open-by-others.ts';
import { openImage } from '../../../src/image/open-image.ts';
import { ScratchFolder } from '../../operations/export/export-run.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { outputOf } from '../../oracles/run-program.ts';

const MIB = 2 ** 20;

let scratch: ScratchFolder;

beforeAll(async () => {
  scratch = await ScratchFolder.make();
  const content = Buffer.alloc(MIB, 'what a guest writes, ');
  content.writeUInt16BE(0x55aa, 510);
  await writeFile(at('disk.img'), content);
  await truncate(at('disk.img'), 4 * MIB);
});

afterAll(() => scratch[Symbol.asyncDispose]());

function at(name: string): string {
  return join(scratch.path, name);
}

/** Returns the format and the file name with which QEMU may open the image. */
async function othersOpen(name: string): Promise<string | undefined> {
  await using image = await openImage(at(name));
  const file = await openedByOthers(at(name), image);
  return file && `${file.format} ${file.path.slice(scratch.path.length + 1)}`;
}

test('a raw disk is read as it stands', async () => {
  expect(await othersOpen('disk.img')).toBe('raw disk.img');
});

const MADE: readonly [string, string, string[], string | undefined][] = [
  ['a qcow2', 'q.qcow2', ['-O', 'qcow2'], 'qcow2 q.qcow2'],
  ['a streamOptimized VMDK', 's.vmdk', ['-O', 'vmdk', '-o', 'subformat=streamOptimized'], 'vmdk s.vmdk'],
  ['a sparse VMDK', 'm.vmdk', ['-O', 'vmdk', '-o', 'subformat=monolithicSparse'], 'vmdk m.vmdk'],
  ['a flat VMDK', 'f.vmdk', ['-O', 'vmdk', '-o', 'subformat=monolithicFlat'], 'raw f-flat.vmdk'],
  ['a VMDK in extents', 'x.vmdk', ['-O', 'vmdk', '-o', 'subformat=twoGbMaxExtentSparse'], undefined],
  ['a VHDX', 'v.vhdx', ['-O', 'vhdx'], undefined],
];
for (const [what, name, args, expected] of MADE) {
  testWithOracle(
    'qemu-img',
    `${what} is read ${expected === undefined ? 'after a conversion alone' : `as ${expected}`}`,
    async (paths) => {
      await outputOf(paths['qemu-img'], ['convert', '-f', 'raw', at('disk.img'), ...args, at(name)]);
      expect(await othersOpen(name)).toBe(expected);
    },
  );
}

testWithOracle('qemu-img', 'a qcow2 with a backing file is converted first', async (paths) => {
  await outputOf(paths['qemu-img'], [
    'create',
    '-f',
    'qcow2',
    '-b',
    at('disk.img'),
    '-F',
    'raw',
    at('overlay.qcow2'),
    '8M',
  ]);
  expect(await othersOpen('overlay.qcow2')).toBeUndefined();
});

testWithOracle('qemu-img', 'a VMDK that names a parent for QEMU alone is converted first', async (paths) => {
  const [from, to] = [at('plain.vmdk'), at('hint.vmdk')];
  await outputOf(paths['qemu-img'], ['convert', '-f', 'raw', '-O', 'vmdk', at('disk.img'), from]);
  const bytes = await readFile(from);
  const text = bytes.indexOf('ddb.adapterType');
  bytes.write('parentFileNameHint="/etc/passwd"\n', text);
  await writeFile(to, bytes);
  // Its `parentCID` declares no parent, but QEMU opens the backing file anyway.
  expect(await outputOf(paths['qemu-img'], ['info', '-U', to])).toContain('backing file: /etc/passwd');
  expect(await othersOpen('plain.vmdk')).toBe('vmdk plain.vmdk');
  expect(await othersOpen('hint.vmdk')).toBeUndefined();
});

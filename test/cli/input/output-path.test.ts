import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readFormat, readOutputName, readOutputPath } from '../../../src/cli/input/output-path.ts';
import { makeTemporaryFolder } from '../../temporary-folder.ts';

const ENV = { HOME: '/home/joe' };
const FORMATS = { formats: ['qcow2', 'raw', 'vmdk'], fallback: 'qcow2', isFile: true } as const;

test.each([
  [undefined, undefined],
  ['out', 'out'],
  ['~', '/home/joe'],
  ['~/vms', '/home/joe/vms'],
  ['./~', './~'],
  ['a~b', 'a~b'],
])('the output %j is %j', (text, path) => {
  expect(readOutputPath(text, ENV)).toBe(path);
});

test.each([
  ['', '--output is empty.'],
  ['~joe/vms', '--output ~joe/vms cannot be expanded'],
])('the output %j is refused', (text, sentence) => {
  expect(() => readOutputPath(text, ENV)).toThrow(sentence);
});

test.each([
  [undefined, undefined, 'qcow2'],
  [undefined, 'out', 'qcow2'],
  [undefined, 'out.raw', 'raw'],
  [undefined, 'out.VMDK', 'vmdk'],
  ['raw', 'out.raw', 'raw'],
  ['raw', 'out.img', 'raw'],
  ['raw', 'out.qcow2/', 'raw'],
  [undefined, 'out.raw/', 'qcow2'],
])('format %j with output %j is %s', (given, output, format) => {
  expect(readFormat(given, output, FORMATS)).toBe(format);
});

test('an extension and a format that contradict each other are an error', () => {
  expect(() => readFormat('qcow2', 'out.raw', FORMATS)).toThrow(
    '--output out.raw has the extension of raw, but --format is qcow2.',
  );
});

test('the name of a folder that is there says nothing of a file that goes into it', async () => {
  const folder = await makeTemporaryFolder('hyper2kvm-output-');
  const output = join(folder, 'old.raw');
  await mkdir(output);
  expect(readFormat('qcow2', output, FORMATS)).toBe('qcow2');
  expect(readFormat(undefined, output, { ...FORMATS, isFile: false })).toBe('raw');
  await rm(folder, { recursive: true });
});

test('--name is a file name, or refused', () => {
  expect(readOutputName(undefined)).toBeUndefined();
  expect(readOutputName('web 01: new')).toBe('web 01: new');
  expect(readOutputName('u\u0308')).toBe('\u00fc');
  for (const name of ['', ' ', '..', '.web', '-x', '../web', 'a/b', 'web.', 'a\nb', 'x'.repeat(300)]) {
    expect(() => readOutputName(name)).toThrow(/^--name /);
  }
});

import { expect, test } from '@jest/globals';
import { foldLines, foldText } from '../../../src/cli/text/fold-lines.ts';

test('a line that is too wide is folded between words, and what follows stands deeper', () => {
  expect(foldLines(['  Hardware: sata. The guest has no driver of virtio', 'short'], 30)).toEqual([
    '  Hardware: sata. The guest',
    '    has no driver of virtio',
    'short',
  ]);
});

test('a line that fits keeps its columns', () => {
  expect(foldLines(['NAME    SIZE'], 12)).toEqual(['NAME    SIZE']);
});

test('a command to copy and a word without a space stay whole', () => {
  const lines = ['    cd /srv/vms/web-01 && sha256sum --check web-01.mf', '/srv/vms/a-very-long-name/of-a-file.qcow2'];
  expect(foldLines(lines, 20)).toEqual(lines);
});

test('wide characters count as the terminal draws them', () => {
  expect(foldLines(['東京 大阪 名古屋'], 12)).toEqual(['東京 大阪', '  名古屋']);
});

test('for a pipe or a file nothing is folded', () => {
  expect(foldLines(['one two three'], undefined)).toEqual(['one two three']);
  expect(foldText('one two three\nfour', { columns: 5 })).toBe('one two three\nfour');
  expect(foldText('one two three\nfour', { isTTY: true, columns: 9 })).toBe('one two\n  three\nfour');
});

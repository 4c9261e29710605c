import { expect, test } from '@jest/globals';
import { Secret } from '../../../src/base/text/secret.ts';
import { exportWords } from '../../../src/commands/hyperctl/submit.ts';

const JOB = {
  vm: '/DC0/vm/web-01',
  output: undefined,
  format: undefined,
  compress: false,
  parallel: undefined,
  removeCdrom: false,
  url: undefined,
  username: undefined,
  password: undefined,
  insecure: false,
};

test('a job without more becomes an export into a folder of its name, whose VM is not among the words', () => {
  expect(exportWords(JOB)).toEqual(['export', '--detach', '--output=./export-web-01']);
});

test('what a job says becomes flags, joined so that no value is taken for a flag', () => {
  const job = { ...JOB, output: '-o', format: 'qcow2', compress: true, parallel: 4, username: 'joe', insecure: true };
  expect(exportWords(job)).toEqual([
    'export',
    '--detach',
    '--output=-o',
    '--format=qcow2',
    '--parallel-disks=4',
    '--username=joe',
    '--compress',
    '--insecure',
  ]);
});

test.each([
  ['https://joe:geheim@vc.example:8443/sdk', '--url=https://joe@vc.example:8443/sdk'],
  ['joe:ge@heim@vc.example', '--url=joe@vc.example'],
  ['https://vc.example/sdk', '--url=https://vc.example/sdk'],
])('no password of a URL comes among the words: %s', (url, word) => {
  const words = exportWords({ ...JOB, url, password: new Secret('geheim') });
  expect(words).toContain(word);
  expect(words.join(' ')).not.toContain('heim');
});

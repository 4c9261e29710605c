import { expect, test } from '@jest/globals';
import { wordsFor } from '../../../src/cli/hyperctl/called-as.ts';
import { parseGoFlags, readGoFlags } from '../../../src/cli/hyperctl/go-flags.ts';

const KINDS = { vm: 'string', id: 'string', all: 'boolean', json: 'boolean' } as const;
const parse = (...words: string[]) => parseGoFlags('hyperctl x', words, KINDS);

test.each<[string[], object, string[]]>([
  [['-vm', '/DC0/vm/web', '-all'], { vm: '/DC0/vm/web', all: true }, []],
  [['--vm', 'web', '--all'], { vm: 'web', all: true }, []],
  [['-vm=a=b', '-all=false'], { vm: 'a=b', all: false }, []],
  [['-vm='], { vm: '' }, []],
  [['-vm', '-all'], { vm: '-all' }, []],
  [['-id', 'a', '-id', 'b'], { id: 'b' }, []],
  [['-json=T', 'word', '-all'], { json: true }, ['word', '-all']],
  [['-all', '--', '-vm'], { all: true }, ['-vm']],
  [['-'], {}, ['-']],
  [[], {}, []],
])('%j is read as by the flag package of Go', (words, flags, rest) => {
  expect(parse(...words)).toEqual({ flags, rest });
});

test.each<[string[], string]>([
  [['-vn', 'web'], 'hyperctl x has no flag -vn.'],
  [['-constructor'], 'hyperctl x has no flag -constructor.'],
  [['-vm'], 'hyperctl x: -vm needs a value.'],
  [['-all=maybe'], 'hyperctl x: -all must be true or false, not "maybe".'],
])('%j is refused', (words, message) => {
  expect(() => parse(...words)).toThrow(expect.objectContaining({ kind: 'usage', message }));
});

test('a command without words refuses one, and does not quote it', () => {
  expect(readGoFlags('hyperctl x', ['-all'], KINDS)).toEqual({ all: true });
  expect(() => readGoFlags('hyperctl x', ['-all', 'geheim'], KINDS)).toThrow(
    expect.objectContaining({ kind: 'usage', message: expect.not.stringContaining('geheim') }),
  );
});

test.each<[string, string[], string[]]>([
  ['/usr/bin/hyperctl', ['query', '-json'], ['hyperctl', '--', 'query', '-json']],
  ['hyperctl', ['--help'], ['hyperctl', '--', '--help']],
  ['/usr/bin/hyper2kvm', ['hyperctl', 'list', '--json'], ['hyperctl', '--', 'list', '--json']],
  ['/opt/hyperctl/hyper2kvm', ['list', '--json'], ['list', '--json']],
  ['hyper2kvm', [], []],
])('called as %s with %j the words are %j', (program, argv, words) => {
  expect(wordsFor(program, argv)).toEqual(words);
});

import { afterEach, expect, test } from '@jest/globals';
import {
  chooseColor,
  colorChoiceOf,
  paintFor,
  paintMessages,
  paintState,
  type ColorChoice,
} from '../../../src/cli/text/color.ts';

const RED_ERROR = '\u001b[31m\u001b[1mError:\u001b[22m\u001b[39m';
const YELLOW_WARNING = '\u001b[33mWarning:\u001b[39m';

afterEach(() => chooseColor('auto'));

function hasColor(isTTY: boolean, env: NodeJS.ProcessEnv = {}, choice: ColorChoice = 'auto'): boolean {
  chooseColor(choice);
  return paintFor({ isTTY }, env)('ok', 'x') !== 'x';
}

test('only a terminal has colors, and NO_COLOR, FORCE_COLOR and --color override that in this order', () => {
  expect([hasColor(true), hasColor(false), hasColor(true, { TERM: 'dumb' })]).toEqual([true, false, false]);
  expect([hasColor(true, { NO_COLOR: '1' }), hasColor(true, { NO_COLOR: '' })]).toEqual([false, true]);
  expect([hasColor(false, { FORCE_COLOR: '1' }), hasColor(true, { FORCE_COLOR: '0' })]).toEqual([true, false]);
  expect(hasColor(true, { NO_COLOR: '1', FORCE_COLOR: '1' })).toBe(false);
  expect([hasColor(false, { NO_COLOR: '1' }, 'always'), hasColor(true, {}, 'never')]).toEqual([true, false]);
});

test('--color is found before the command line is parsed', () => {
  expect(colorChoiceOf(['list', '--color=never'])).toBe('never');
  expect(colorChoiceOf(['list', '--color', 'always', 'web'])).toBe('always');
  expect(colorChoiceOf(['list', '--color=blue'])).toBe('auto');
  expect(colorChoiceOf(['list'])).toBe('auto');
});

test('the word that begins a message has a color, also after the name of a VM, and no other word has', () => {
  const paint = paintFor({ isTTY: true }, {});
  expect(paintMessages('Error: The disk is full.\n  Error: is only quoted.', paint)).toBe(
    `${RED_ERROR} The disk is full.\n  Error: is only quoted.`,
  );
  expect(paintMessages('web-01: Error: no', paint)).toBe(`web-01: ${RED_ERROR} no`);
  expect(paintMessages('  Warning: An ISO image.\nNo Warning: here', paint)).toBe(
    `  ${YELLOW_WARNING} An ISO image.\nNo Warning: here`,
  );
  expect([paintState(paint, 'failed'), paintState(paint, 'anything')]).toEqual([paint('error', 'failed'), 'anything']);
});

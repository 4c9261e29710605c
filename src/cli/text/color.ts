import { styleText } from 'node:util';

export const COLOR_CHOICES = ['auto', 'always', 'never'] as const;
export type ColorChoice = (typeof COLOR_CHOICES)[number];

/** What a text means; its color follows from that. */
export type Role = 'ok' | 'warning' | 'error' | 'heading' | 'faint';

/** Colors a text, or returns it unchanged when colors are off. */
export type Paint = (role: Role, text: string) => string;

const STYLES = {
  ok: 'green',
  warning: 'yellow',
  error: ['red', 'bold'],
  heading: 'bold',
  faint: 'dim',
} as const satisfies Record<Role, Parameters<typeof styleText>[0]>;

/** The role of the words for a state or a level, as tables and reports print them. */
const STATES: Readonly<Record<string, Role>> = {
  ok: 'ok',
  done: 'ok',
  exported: 'ok',
  complete: 'ok',
  on: 'ok',
  warning: 'warning',
  partial: 'warning',
  interrupted: 'warning',
  error: 'error',
  failed: 'error',
  'did not boot': 'error',
  skipped: 'faint',
  unchanged: 'faint',
  kept: 'faint',
  off: 'faint',
};

let choice: ColorChoice = 'auto';

/** Applies `--color` to the whole process. */
export function chooseColor(chosen: ColorChoice): void {
  choice = chosen;
}

/** `--color` on a command line that is not parsed yet, so that an error in the command line has colors too. */
export function colorChoiceOf(argv: readonly string[]): ColorChoice {
  const place = argv.findIndex((word) => word === '--color' || word.startsWith('--color='));
  const word = argv[place] === '--color' ? argv[place + 1] : argv[place]?.slice('--color='.length);
  return COLOR_CHOICES.find((known) => known === word) ?? 'auto';
}

export const plainPaint: Paint = (_role, text) => text;

const colorPaint: Paint = (role, text) => (text === '' ? '' : styleText(STYLES[role], text, { validateStream: false }));

/**
 * The colors for text that is written to `stream`. `--color` decides; without it, `NO_COLOR` turns them off
 * (https://no-color.org), `FORCE_COLOR` turns them on, and otherwise only a terminal has them.
 */
export function paintFor(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): Paint {
  return hasColor(stream, env) ? colorPaint : plainPaint;
}

function hasColor({ isTTY = false }: { isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean {
  if (choice !== 'auto') return choice === 'always';
  if (env['NO_COLOR']) return false;
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  return isTTY && env['TERM'] !== 'dumb';
}

/** A state or level in its color. */
export function paintState(paint: Paint, state: string): string {
  const role = STATES[state];
  return role === undefined ? state : paint(role, state);
}

/** Colors the word that begins a message: `Error:` and `Warning:`, also after the name of a VM. */
export function paintMessages(text: string, paint: Paint): string {
  return text
    .replaceAll(/^(\S+: )?(Error:)/gm, (_, vm: string = '', word: string) => vm + paint('error', word))
    .replaceAll(
      /^( *)(\S+: )?(Warning:)/gm,
      (_, indent: string, vm: string = '', word: string) => indent + vm + paint('warning', word),
    );
}

import type * as InquirerCore from '@inquirer/core';
import { InterruptedError } from '../../base/errors.ts';
import { hasLiveScreen } from '../screen/export-screen.ts';
import { paintFor, type Paint } from '../text/color.ts';
import { chooseGlyphs, type Glyphs } from '../screen/lines/glyphs.ts';

export type PromptCore = typeof InquirerCore;

/** The terminal on which questions are asked: keys from standard input, text on standard error. */
export interface PromptTerminal {
  input: NodeJS.ReadStream;
  output: NodeJS.WriteStream;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
}

/** How a prompt is drawn. */
export interface PromptLook {
  width: number;
  height: number;
  glyphs: Glyphs;
  paint: Paint;
}

/** A prompt as a function of its state, which hooks of the library hold: the line of the cursor, and the lines below it. */
export type PromptView<Value> = (done: (value: Value) => void, look: PromptLook) => [line: string, below: string];

/** True if both ends are a terminal that can move its cursor. */
export function canPrompt({ input, output, env }: Pick<PromptTerminal, 'input' | 'output' | 'env'>): boolean {
  return input.isTTY && hasLiveScreen(output, env);
}

/**
 * Shows a prompt until it is answered, and restores the terminal on every way out. With `isKept`, the question and its
 * answer stay on the screen.
 * @throws `InterruptedError` on Ctrl-C, for which the terminal sends no signal in raw mode, and on Ctrl-D; the reason of
 * the signal on abort.
 */
export async function runPrompt<Value>(
  core: PromptCore,
  { input, output, env, signal }: PromptTerminal,
  view: PromptView<Value>,
  { isKept = false } = {},
): Promise<Value> {
  const closed = new AbortController();
  const paint = paintFor(output, env);
  const glyphs = chooseGlyphs(env);
  const prompt = core.createPrompt<Value, object>((_config, done) => {
    // The library waits forever when the input ends.
    core.useEffect((rl) => {
      rl.on('close', () => closed.abort());
    }, []);
    return view(done, { width: output.columns || 80, height: output.rows || 24, glyphs, paint });
  });
  try {
    const ends = AbortSignal.any([signal, closed.signal]);
    return await prompt({}, { input, output, signal: ends, clearPromptOnDone: !isKept });
  } catch (error) {
    if (signal.aborted && signal.reason instanceof Error) throw signal.reason;
    if (error instanceof core.ExitPromptError || error instanceof core.AbortPromptError) {
      throw new InterruptedError('SIGINT');
    }
    throw error;
  }
}

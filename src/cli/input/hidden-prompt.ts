import { Hyper2kvmError, InterruptedError } from '../../base/errors.ts';

/** The part of a terminal's input stream that the prompt needs. */
export interface RawInput {
  setRawMode(raw: boolean): unknown;
  setEncoding(encoding: 'utf8'): unknown;
  on(event: 'data', listener: (chunk: string) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
  off(event: 'data', listener: (chunk: string) => void): unknown;
  off(event: 'end', listener: () => void): unknown;
  resume(): unknown;
  pause(): unknown;
}

type Key = 'enter' | 'interrupt' | 'end' | 'backspace' | 'clear' | 'none';

const KEYS: Readonly<Record<string, Key>> = {
  '\r': 'enter',
  '\n': 'enter',
  '\u0003': 'interrupt',
  '\u0004': 'end',
  '\u007f': 'backspace',
  '\b': 'backspace',
  '\u0015': 'clear',
};

/**
 * Prompts for one line without echo: writes the question to `output` and reads keys from `input` in raw mode. Always
 * restores cooked mode.
 * @throws `InterruptedError` on Ctrl-C, for which the terminal sends no signal in raw mode; the reason of `signal` on
 * abort.
 */
export function promptHidden(
  question: string,
  { input, output, signal }: { input: RawInput; output: NodeJS.WritableStream; signal: AbortSignal },
): Promise<string> {
  return new Promise((resolve, reject) => {
    let typed: string[] = [];

    const settle = (end: () => void): void => {
      input.off('data', onData);
      input.off('end', onEnd);
      signal.removeEventListener('abort', onAbort);
      input.setRawMode(false);
      input.pause();
      output.write('\n');
      end();
    };
    const onAbort = (): void => settle(() => reject(reasonOf(signal)));
    const onEnd = (): void => settle(() => reject(new Hyper2kvmError('usage', 'No password was entered.')));
    const onData = (chunk: string): void => {
      // An escape sequence (an arrow key) arrives as one chunk and is not part of a password.
      if (chunk.startsWith('\u001b')) return;
      for (const character of chunk) {
        const key = KEYS[character] ?? 'none';
        if (key === 'enter') return settle(() => resolve(typed.join('')));
        if (key === 'interrupt') return settle(() => reject(new InterruptedError('SIGINT')));
        if (key === 'end' && typed.length === 0) return onEnd();
        if (key === 'backspace') typed.pop();
        else if (key === 'clear') typed = [];
        else if (key === 'none') typed.push(character);
      }
    };

    if (signal.aborted) return reject(reasonOf(signal));
    output.write(question);
    signal.addEventListener('abort', onAbort);
    input.setEncoding('utf8');
    input.setRawMode(true);
    input.on('data', onData);
    input.on('end', onEnd);
    input.resume();
  });
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('The prompt was cancelled.');
}

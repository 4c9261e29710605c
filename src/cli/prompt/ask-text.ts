import { safeText } from '../text/safe-text.ts';
import { runPrompt, type PromptTerminal } from './run-prompt.ts';

/**
 * Asks for one line, without spaces at its ends. An answer for which `problemOf` returns a sentence is asked for again.
 */
export async function askText(
  question: string,
  problemOf: (text: string) => string | undefined,
  terminal: PromptTerminal,
): Promise<string> {
  const core = await import('@inquirer/core');
  return runPrompt<string>(
    core,
    terminal,
    (done, { paint }) => {
      const [typed, setTyped] = core.useState('');
      const [problem, setProblem] = core.useState('');
      core.useKeypress((key, rl) => {
        if (!core.isEnterKey(key)) {
          setProblem('');
          return setTyped(rl.line);
        }
        const text = typed.trim();
        const found = problemOf(text);
        if (found === undefined) return done(text);
        setProblem(found);
        // The library has emptied the line.
        rl.write(typed);
      });
      return [`${question} ${safeText(typed)}`, problem === '' ? '' : paint('warning', problem)];
    },
    { isKept: true },
  );
}

import { wrapWords } from '../text/text-width.ts';
import { runPrompt, type PromptTerminal } from './run-prompt.ts';

const HIDE_CURSOR = '\u001b[?25l';

export interface Choice<Value> {
  value: Value;
  words: string;
}

/** Asks for one of a few choices. The arrow keys move, Enter chooses. */
export async function pickOne<Value>(
  question: string,
  choices: readonly Choice<Value>[],
  terminal: PromptTerminal,
): Promise<Value> {
  const core = await import('@inquirer/core');
  return runPrompt<Value>(core, terminal, (done, { width, glyphs, paint }) => {
    const [active, setActive] = core.useState(0);
    core.useKeypress((key, rl) => {
      rl.clearLine(0);
      const chosen = choices[active];
      if (core.isEnterKey(key) && chosen !== undefined) return done(chosen.value);
      if (core.isUpKey(key)) setActive((active + choices.length - 1) % choices.length);
      if (core.isDownKey(key) || core.isTabKey(key)) setActive((active + 1) % choices.length);
    });
    const lines = choices.flatMap(({ words }, index) => {
      const isActive = index === active;
      const [first = '', ...more] = wrapWords(words, width - 3);
      const mark = isActive ? paint('ok', glyphs.pending) : ' ';
      return [`${mark} ${isActive ? paint('heading', first) : first}`, ...more.map((line) => `    ${line}`)];
    });
    return [wrapWords(question, width - 1).join('\n') + HIDE_CURSOR, lines.join('\n')];
  });
}

import { grubFile, type GrubVariables, type Subject } from './grub-environment.ts';

/** GRUB's `[ ... ]` and `test` (manual, "test"). An unknown operator is false. */
export async function grubTest(words: readonly string[], variables: GrubVariables, subject: Subject): Promise<boolean> {
  const last = words.lastIndexOf('-o');
  if (last > 0) {
    return (
      (await grubTest(words.slice(0, last), variables, subject)) ||
      (await grubTest(words.slice(last + 1), variables, subject))
    );
  }
  const and = words.lastIndexOf('-a');
  if (and > 0) {
    return (
      (await grubTest(words.slice(0, and), variables, subject)) &&
      (await grubTest(words.slice(and + 1), variables, subject))
    );
  }
  if (words[0] === '!') return !(await grubTest(words.slice(1), variables, subject));
  const [first = '', second, third] = words;
  if (second === undefined) return first !== '';
  if (third === undefined) return await unary(first, second, variables, subject);
  return binary(first, second, third);
}

async function unary(operator: string, value: string, variables: GrubVariables, subject: Subject): Promise<boolean> {
  if (operator === '-z') return value === '';
  if (operator === '-n') return value !== '';
  const path = grubFile(value, variables, subject);
  if (path === undefined) return false;
  if (operator === '-d') return await subject.files.isFolder(path);
  if (operator === '-f' || operator === '-s') return await subject.files.isFile(path);
  return operator === '-e' && ((await subject.files.isFile(path)) || (await subject.files.isFolder(path)));
}

function binary(a: string, operator: string, b: string): boolean {
  if (operator === '=' || operator === '==') return a === b;
  if (operator === '!=') return a !== b;
  if (operator === '<') return a < b;
  if (operator === '>') return a > b;
  const difference = Number.parseInt(a, 10) - Number.parseInt(b, 10);
  return NUMERIC[operator]?.(difference) ?? false;
}

const NUMERIC: Readonly<Record<string, (difference: number) => boolean>> = {
  '-eq': (difference) => difference === 0,
  '-ne': (difference) => difference !== 0,
  '-lt': (difference) => difference < 0,
  '-le': (difference) => difference <= 0,
  '-gt': (difference) => difference > 0,
  '-ge': (difference) => difference >= 0,
};

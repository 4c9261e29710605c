import { distance } from 'fastest-levenshtein';

/**
 * The candidate that `word` was probably meant to be: at most two edits away, and fewer edits than half of the
 * candidate's length. Undefined when there is none.
 */
export function nearWord(word: string, candidates: readonly string[]): string | undefined {
  const near = candidates
    .map((candidate) => ({ candidate, edits: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, edits }) => edits <= 2 && edits * 2 < candidate.length)
    .toSorted((a, b) => a.edits - b.edits);
  return near[0]?.candidate;
}

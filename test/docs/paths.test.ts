import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DOCS = ['README.md', ...globSync(['docs/*.md', 'test/**/README.md'], { cwd: ROOT })].filter(
  (file) => !file.includes('node_modules'),
);
/** The folders that a path can be relative to: architecture.md names most files below `src`. */
const BASES = ['', 'src'];
const TOP = new Set(['src', 'test', 'docs', 'bin', '.ci', '.github', ...globSync('*/', { cwd: join(ROOT, 'src') })]);

/** Pieces of code in a text that name a file or folder of this repository, without a line or a trailing slash. */
function pathsIn(text: string): string[] {
  const pieces = Array.from(text.matchAll(/`([^`\s]+)`/g), ([, piece = '']) => piece);
  return pieces.filter((piece) => /^[\w.@-]+(\/[\w.@-]+)+\/?$/.test(piece) && TOP.has(piece.split('/', 1)[0] ?? ''));
}

function exists(path: string): boolean {
  return BASES.some((base) =>
    ['', '.ts'].some((end) => existsSync(join(ROOT, base, `${path.replace(/\/$/, '')}${end}`))),
  );
}

test.each(DOCS)('%s names only files that exist', (file) => {
  const missing = pathsIn(readFileSync(join(ROOT, file), 'utf8')).filter((path) => !exists(path));
  expect(missing).toEqual([]);
});

test('each link of a page leads to a file of this repository', () => {
  const broken = DOCS.flatMap((file) =>
    Array.from(readFileSync(join(ROOT, file), 'utf8').matchAll(/\]\((?!https?:|#)([^)#\s]+)/g), ([, to = '']) => to)
      .filter((to) => !existsSync(join(ROOT, file, '..', to)))
      .map((to) => `${file} -> ${to}`),
  );
  expect(broken).toEqual([]);
});

test('architecture.md and CONTRIBUTING.md name many files', () => {
  for (const name of ['architecture.md', 'CONTRIBUTING.md']) {
    expect(pathsIn(readFileSync(join(ROOT, 'docs', name), 'utf8')).length).toBeGreaterThan(10);
  }
});

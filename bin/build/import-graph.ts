import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';

/**
 * `node bin/build/import-graph.ts [--root FOLDER] [--under src/PART] [--depth N]`
 * Prints the sizes of the source folders, the imports between them, and the import cycles. Type-only imports count, too.
 * Without `--under`, it covers all of `src` and lists folders two levels deep.
 */
const { values } = parseArgs({
  options: {
    root: { type: 'string', default: '.' },
    under: { type: 'string', default: 'src' },
    depth: { type: 'string', default: '2' },
  },
});
const root = resolve(values.root);
const base = join(root, values.under);
const depth = Number(values.depth);

interface Import {
  from: string;
  to: string;
}

const files = globSync('**/*.ts', { cwd: base }).toSorted();
const known = new Set(files);
const imports = files.flatMap(importsOf);

printSizes();
printEdges();
printCycles('Cycles of files', imports);
printCycles(
  'Cycles of folders',
  imports.map(({ from, to }) => ({ from: folderOf(from), to: folderOf(to) })).filter(({ from, to }) => from !== to),
);

/** Returns the static, type-only and dynamic imports and re-exports of files under the same base. */
function importsOf(from: string): Import[] {
  const text = readFileSync(join(base, from), 'utf8');
  const statics = text.matchAll(/^(?:import|export)\s+(?:type\s)?(?:[^'";]*?\sfrom\s+)?'(\.[^']+)'/gm);
  const dynamics = text.matchAll(/\bimport\(\s*'(\.[^']+)'/g);
  return [...statics, ...dynamics]
    .map(([, specifier = '']) => ({ from, to: relative(base, normalize(join(base, dirname(from), specifier))) }))
    .filter(({ to }) => known.has(to));
}

function folderOf(file: string): string {
  return dirname(file).split('/').slice(0, depth).join('/');
}

function printSizes(): void {
  const rows = new Map<string, { files: number; lines: number }>();
  for (const file of files) {
    const row = rows.get(dirname(file)) ?? { files: 0, lines: 0 };
    row.files += 1;
    row.lines += readFileSync(join(base, file), 'utf8').split('\n').length - 1;
    rows.set(dirname(file), row);
  }
  console.log(`| folder of ${values.under} | files | lines |\n| --- | ---: | ---: |`);
  for (const [folder, row] of [...rows].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    console.log(`| ${folder} | ${row.files} | ${row.lines} |`);
  }
  const lines = [...rows.values()].reduce((sum, row) => sum + row.lines, 0);
  console.log(`| all | ${files.length} | ${lines} |`);
}

function printEdges(): void {
  const counts = new Map<string, number>();
  for (const { from, to } of imports) {
    const [above, below] = [folderOf(from), folderOf(to)];
    if (above !== below) counts.set(`${above} -> ${below}`, (counts.get(`${above} -> ${below}`) ?? 0) + 1);
  }
  console.log('\n| imports between folders | count |\n| --- | ---: |');
  for (const [edge, count] of [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    console.log(`| ${edge} | ${count} |`);
  }
}

/** Prints the strongly connected components with more than one node. Each is a cycle, or several cycles that share a node. */
function printCycles(title: string, edges: readonly Import[]): void {
  const cycles = components(edges).filter((component) => component.length > 1);
  console.log(`\n${title}: ${cycles.length}`);
  for (const cycle of cycles) console.log(`- ${cycle.length}: ${cycle.toSorted().join(', ')}`);
}

/** Tarjan's algorithm. */
function components(edges: readonly Import[]): string[][] {
  const targets = new Map<string, string[]>();
  for (const { from, to } of edges) {
    targets.set(from, [...(targets.get(from) ?? []), to]);
    if (!targets.has(to)) targets.set(to, []);
  }
  const [indexes, lows, stack, found] = [
    new Map<string, number>(),
    new Map<string, number>(),
    [] as string[],
    [] as string[][],
  ];
  const visit = (node: string): void => {
    indexes.set(node, indexes.size);
    lows.set(node, indexes.get(node) ?? 0);
    stack.push(node);
    for (const target of targets.get(node) ?? []) {
      if (!indexes.has(target)) visit(target);
      else if (!stack.includes(target)) continue;
      lows.set(node, Math.min(lows.get(node) ?? 0, lows.get(target) ?? 0));
    }
    if (lows.get(node) !== indexes.get(node)) return;
    found.push(stack.splice(stack.indexOf(node)));
  };
  for (const node of targets.keys()) if (!indexes.has(node)) visit(node);
  return found;
}

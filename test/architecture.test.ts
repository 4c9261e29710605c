import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';

const SRC = fileURLToPath(new URL('../src/', import.meta.url));

/**
 * The folders that each folder of `src` may import. All other imports are forbidden, so a lower layer never imports a
 * higher one.
 */
const FLOORS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  vsphere: ['base'],
  image: ['base'],
  ovf: ['base'],
  jobs: ['base'],
  guest: ['base'],
  domain: ['base'],
  operations: ['base', 'vsphere', 'image', 'ovf', 'jobs', 'guest', 'domain'],
  // Apart from types, cli may import only the connection settings from the layers below operations, because flags are
  // derived from them.
  cli: ['base'],
  commands: ['base', 'cli', 'operations'],
};

/** The npm packages that each folder may import. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  base: ['fast-xml-parser', 'valibot'],
  vsphere: ['got', 'fast-xml-parser', 'fastest-levenshtein'],
  guest: ['yaml', 'valibot'],
  jobs: ['valibot'],
  operations: ['valibot'],
  domain: ['yaml'],
  cli: [
    '@oclif/core',
    '@inquirer/core',
    'listr2',
    'cli-progress',
    'fastest-levenshtein',
    'string-width',
    'wrap-ansi',
    'yaml',
  ],
  commands: ['@oclif/core'],
};

/**
 * Stands for the files directly in the folder, if they may import all its chapters. Otherwise, all chapters may import
 * these files.
 */
const BESIDE = '';

/** The chapters of a folder, in order. Each chapter may import only the chapters before it. */
const CHAPTERS: Readonly<Record<string, readonly string[]>> = {
  base: ['text', 'disk', 'xml', 'files', 'process', 'records', 'claims', 'output'],
  image: ['model', 'file', 'vmdk', 'probe', 'vdi', 'vhd', 'vhdx', 'qcow2', 'raw', 'replica', 'copy', 'content', BESIDE],
  'image/vmdk': ['layout', 'descriptor', 'extent', 'stream', BESIDE],
  ovf: ['files', 'tar', 'descriptor', 'hardware', 'read', 'vmx', 'write'],
  vsphere: ['connection', 'soap', 'session', 'inventory', 'vm', 'lease', 'nfc'],
  'operations/export': ['source', 'target', 'history', 'plan', 'transfer', 'run'],
};

/** Flags are derived from it, and it loads no other modules. */
const ENCODE_OPTIONS = 'operations/encode-options.ts';
const SETTINGS = 'vsphere/connection/connection-settings.ts';

interface Import {
  /** Relative to `src`. */
  from: string;
  /** Relative to `src` for a file of this project, otherwise the unchanged specifier. */
  to: string;
  /** Imports only types, which do not exist at run time. */
  isType: boolean;
}

const FILES = new Set(globSync('**/*.ts', { cwd: SRC }));
const IMPORTS = [...FILES].flatMap(importsOf);

/** Returns static imports, re-exports and dynamic imports. */
function importsOf(file: string): Import[] {
  const text = readFileSync(join(SRC, file), 'utf8');
  const statics = text.matchAll(/^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm);
  const dynamics = text.matchAll(/\bimport\(\s*(type\s)?'([^']+)'/g);
  return [...statics, ...dynamics].map(([, type, specifier = '']) => ({
    from: file,
    to: specifier.startsWith('.') ? relative(SRC, normalize(join(SRC, dirname(file), specifier))) : specifier,
    isType: type !== undefined,
  }));
}

function folderOf(file: string): string {
  return file.split('/', 1)[0] ?? '';
}

/**
 * Returns the chapter of `folder` that contains a file. {@link BESIDE} for a file directly in `folder`, undefined for a
 * file elsewhere.
 */
function chapterOf(file: string, folder: string): string | undefined {
  return file.startsWith(`${folder}/`) ? relative(folder, dirname(file)).split('/', 1)[0] : undefined;
}

function isOurs({ to }: Import): boolean {
  return to.endsWith('.ts');
}

function shown(imports: readonly Import[]): string[] {
  return imports.map(({ from, to }) => `${from} -> ${to}`);
}

test('there are imports to look at, and every folder of src has its floor', () => {
  expect(IMPORTS.length).toBeGreaterThan(50);
  expect([...FILES].map(folderOf).filter((folder) => !(folder in FLOORS))).toEqual([]);
});

test('folders are made in one place', () => {
  const makers = [...FILES].filter((file) => /\bmkdir(Sync)?\(/.test(readFileSync(join(SRC, file), 'utf8')));
  expect(makers).toEqual(['base/files/make-folder.ts']);
});

test('no import runs up or across', () => {
  const wrong = IMPORTS.filter(isOurs).filter(({ from, to, isType }) => {
    const [above, below] = [folderOf(from), folderOf(to)];
    if (above === below || FLOORS[above]?.includes(below)) return false;
    // The types of what operations accept and return are used in cli and commands.
    if (isType && ['cli', 'commands'].includes(above) && !['cli', 'commands'].includes(below)) return false;
    return !(['cli', 'commands'].includes(above) && to === SETTINGS);
  });
  expect(shown(wrong)).toEqual([]);
});

test.each(Object.entries(CHAPTERS))('the chapters of %s import in one direction', (folder, chapters) => {
  const isListed = (chapter: string | undefined): chapter is string =>
    chapter !== undefined && (chapter !== BESIDE || chapters.includes(BESIDE));
  const inside = [...FILES].map((file) => chapterOf(file, folder)).filter(isListed);
  expect([...new Set(inside)].toSorted()).toEqual(chapters.toSorted());
  const wrong = IMPORTS.filter(({ from, to }) => {
    const [above, below] = [chapterOf(from, folder), chapterOf(to, folder)];
    return isListed(above) && isListed(below) && chapters.indexOf(below) > chapters.indexOf(above);
  });
  expect(shown(wrong)).toEqual([]);
});

/** The nodes that are left when nodes without outgoing edges are removed repeatedly: those on a cycle, or before one. */
function cyclic(edges: readonly (readonly [string, string])[]): string[] {
  let left = edges.filter(([from, to]) => from !== to);
  for (let before = -1; before !== left.length;) {
    before = left.length;
    const starts = new Set(left.map(([from]) => from));
    left = left.filter(([, to]) => starts.has(to));
  }
  return [...new Set(left.map(([from]) => from))];
}

test.each([
  ['files', (file: string) => file],
  ['folders', (file: string) => dirname(file).split('/').slice(0, 2).join('/')],
])('no import cycle between %s, with imports of types', (_what, nodeOf) => {
  expect(cyclic(IMPORTS.filter(isOurs).map(({ from, to }) => [nodeOf(from), nodeOf(to)]))).toEqual([]);
});

test('cli does not run operations: it imports their types alone', () => {
  expect(
    shown(IMPORTS.filter(({ from, to, isType }) => from.startsWith('cli/') && to.startsWith('operations/') && !isType)),
  ).toEqual([]);
});

test('no import leaves src, so no test tool is part of the program', () => {
  expect(shown(IMPORTS.filter(({ to }) => to.startsWith('..')))).toEqual([]);
});

test('each npm package stays in the folder that knows it', () => {
  const packages = IMPORTS.filter((entry) => !isOurs(entry) && !entry.to.startsWith('node:'));
  expect(shown(packages.filter(({ from, to }) => !PACKAGES[folderOf(from)]?.includes(to)))).toEqual([]);
});

test('commands load operations, and cli loads listr2, cli-progress and prompts, only when they run', () => {
  const heavy = IMPORTS.filter(({ from, to, isType }) => {
    if (isType || folderOf(from) === 'operations') return false;
    // The types of an export include the list of formats, which flags show.
    const isOperation = to.startsWith('operations/') && !to.endsWith('types.ts') && to !== ENCODE_OPTIONS;
    return isOperation || to === SETTINGS || ['listr2', 'cli-progress', '@inquirer/core'].includes(to);
  });
  const eager = heavy.filter(({ from, to }) => {
    if (folderOf(from) === 'vsphere') return false;
    const text = readFileSync(join(SRC, from), 'utf8');
    const name = isOurs({ from, to, isType: false }) ? `./${relative(dirname(from), to)}`.replace('./../', '../') : to;
    return !text.includes(`import('${name}')`);
  });
  expect(shown(eager)).toEqual([]);
});

import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';

const SRC = fileURLToPath(new URL('../src/', import.meta.url));

/** What each folder of `src` may import of the others. What is not listed is forbidden: nothing runs up. */
const FLOORS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  vsphere: ['base'],
  image: ['base'],
  ovf: ['base'],
  jobs: ['base'],
  guest: ['base'],
  domain: ['base'],
  operations: ['base', 'vsphere', 'image', 'ovf', 'jobs', 'guest', 'domain'],
  // Types aside, of what lies below operations only the settings of a connection: they are made of flags.
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
  cli: ['@oclif/core', 'listr2', 'cli-progress', 'fastest-levenshtein', 'string-width', 'wrap-ansi', 'yaml'],
  commands: ['@oclif/core'],
};

/** What stands for the files beside the chapters, where they are above all of them. Where it is not listed they are for all chapters. */
const BESIDE = '';

/** The chapters of a folder, each with what it may import of the others: those before it. */
const CHAPTERS: Readonly<Record<string, readonly string[]>> = {
  base: ['text', 'disk', 'xml', 'files', 'process', 'records', 'claims', 'output'],
  image: ['model', 'file', 'vmdk', 'probe', 'vdi', 'vhd', 'vhdx', 'qcow2', 'raw', 'copy', 'content', BESIDE],
  'image/vmdk': ['layout', 'descriptor', 'extent', 'stream', BESIDE],
  ovf: ['files', 'tar', 'descriptor', 'hardware', 'read', 'vmx', 'write'],
  vsphere: ['connection', 'soap', 'session', 'inventory', 'vm', 'lease'],
  'operations/export': ['source', 'target', 'history', 'plan', 'transfer', 'run'],
};

/** Flags are made of it, and it loads nothing. */
const ENCODE_OPTIONS = 'operations/encode-options.ts';
const SETTINGS = 'vsphere/connection/connection-settings.ts';

interface Import {
  /** Relative to `src`. */
  from: string;
  /** Relative to `src` for a file of ours, else as it is written. */
  to: string;
  /** Only types: gone when the program runs. */
  isType: boolean;
}

const FILES = new Set(globSync('**/*.ts', { cwd: SRC }));
const IMPORTS = [...FILES].flatMap(importsOf);

/** Static imports, re-exports and dynamic imports alike. */
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

/** The folder in `folder` that a file is in; {@link BESIDE} for a file beside them, undefined for one that is elsewhere. */
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
    // cli and commands speak of what operations take and give.
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

test('commands load operations, and cli loads listr2 and cli-progress, only when they run', () => {
  const heavy = IMPORTS.filter(({ from, to, isType }) => {
    if (isType || folderOf(from) === 'operations') return false;
    // The types of an export hold the list of formats, which the flags show.
    const isOperation = to.startsWith('operations/') && !to.endsWith('types.ts') && to !== ENCODE_OPTIONS;
    return isOperation || to === SETTINGS || to === 'listr2' || to === 'cli-progress';
  });
  const eager = heavy.filter(({ from, to }) => {
    if (folderOf(from) === 'vsphere') return false;
    const text = readFileSync(join(SRC, from), 'utf8');
    const name = isOurs({ from, to, isType: false }) ? `./${relative(dirname(from), to)}`.replace('./../', '../') : to;
    return !text.includes(`import('${name}')`);
  });
  expect(shown(eager)).toEqual([]);
});

test('no import runs in a circle, imports of types included', () => {
  const graph = new Map(
    [...FILES].map((file) => [file, IMPORTS.filter(({ from, to }) => from === file && FILES.has(to))]),
  );
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) return void circles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
    if (done.has(file)) return;
    for (const { to } of graph.get(file) ?? []) visit(to, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  expect(circles).toEqual([]);
});

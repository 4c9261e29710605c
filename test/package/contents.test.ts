import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from '@jest/globals';
import { outputOf } from '../oracles/run-program.ts';
import { ScratchFolder } from '../operations/export/export-run.ts';
import { testWithBinary, testWithPacked } from './with-binary.ts';

const PACKAGE = fileURLToPath(new URL('../tools/package/package.ts', import.meta.url));
const DOCUMENTS = ['CHANGELOG.md', 'LICENSE', 'README.md', 'THIRD-PARTY-LICENCES.txt', 'sbom.cdx.json'];

async function sha256Of(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

/** `NAME VERSION` of all that the licences text has a section of. */
function licensed(text: string): string[] {
  return [...text.matchAll(/^={80}\n(\S+ \S+): .*\n={80}$/gm)].map(([, title = '']) => title);
}

/** What is in an unpacked archive or package is the binary itself, and it runs. */
async function expectProgram(path: string, binary: string): Promise<void> {
  expect(await sha256Of(path)).toBe(await sha256Of(binary));
  expect(await outputOf(path, ['--version'])).toMatch(/^hyper2kvm\//);
}

testWithBinary([], 'SHA256SUMS holds the sum of every file that stands beside it', async (binary) => {
  const folder = dirname(binary);
  const sums = await readFile(join(folder, 'SHA256SUMS'), 'utf8');
  const listed = [...sums.matchAll(/^([0-9a-f]{64}) {2}(\S+)$/gm)];
  expect(new Set(['SHA256SUMS', ...listed.map(([, , file]) => file)])).toEqual(new Set(await readdir(folder)));
  for (const [, sum, file = ''] of listed) expect([file, await sha256Of(join(folder, file))]).toEqual([file, sum]);
});

testWithBinary([], 'the licences are those of the packages that the SBOM names, and of Node.js', async (binary) => {
  const text = await readFile(`${binary}.licences.txt`, 'utf8');
  const sbom = JSON.parse(await readFile(`${binary}.cdx.json`, 'utf8')) as {
    components: { name: string; version: string; cpe?: string }[];
  };
  const components = sbom.components.map(({ name, version }) =>
    name.startsWith('node-linux-') ? `Node.js ${version}` : `${name} ${version}`,
  );
  expect(new Set(licensed(text))).toEqual(new Set(components));
  const direct = ['@oclif/core', 'cli-progress', 'fast-xml-parser', 'fastest-levenshtein', 'got', 'listr2', 'yaml'];
  expect(components).toEqual(expect.arrayContaining(direct.map((name) => expect.stringContaining(`${name} `))));
  expect(components.filter((name) => /^(typescript|jest|esbuild|@yao-pkg)/.test(name))).toEqual([]);
  expect(sbom.components.map(({ cpe }) => cpe)).toContainEqual(expect.stringMatching(/^cpe:2\.3:a:nodejs:node\.js:24/));
  expect(text).toContain('Copyright Node.js contributors');
  expect(text).toContain('OpenSSL');
});

testWithPacked(
  '.tar.gz',
  ['tar'],
  'the archive holds the program and its papers in one folder',
  async (binary, paths) => {
    await using scratch = await ScratchFolder.make();
    await outputOf(paths.tar, ['-xzf', `${binary}.tar.gz`, '-C', scratch.path]);
    expect(await readdir(scratch.path)).toEqual([basename(binary)]);
    const folder = join(scratch.path, basename(binary));
    expect(await readdir(folder)).toEqual(expect.arrayContaining([...DOCUMENTS, 'hyper2kvm']));
    await expectProgram(join(folder, 'hyper2kvm'), binary);
  },
);

testWithPacked(
  '.deb',
  ['dpkg-deb'],
  'the .deb installs the program, its papers and what it depends on',
  async (binary, paths) => {
    await using scratch = await ScratchFolder.make();
    await outputOf(paths['dpkg-deb'], ['-x', `${binary}.deb`, scratch.path]);
    await expectProgram(join(scratch.path, 'usr/bin/hyper2kvm'), binary);
    const papers = DOCUMENTS.map((name) => (name === 'LICENSE' ? 'copyright' : name));
    expect(await readdir(join(scratch.path, 'usr/share/doc/hyper2kvm'))).toEqual(expect.arrayContaining(papers));
    const depends = await outputOf(paths['dpkg-deb'], ['-f', `${binary}.deb`, 'Depends']);
    expect(depends).toBe('libc6 (>= 2.28), libstdc++6, libgcc-s1\n');
  },
);

testWithPacked('.rpm', ['7zz'], 'the .rpm installs the program and its papers', async (binary, paths) => {
  await using scratch = await ScratchFolder.make();
  await outputOf(paths['7zz'], ['x', `-o${scratch.path}`, `${binary}.rpm`]);
  const [archive = ''] = await readdir(scratch.path);
  await outputOf(paths['7zz'], ['x', `-o${scratch.output}`, join(scratch.path, archive)]);
  const files = (await readdir(scratch.output, { recursive: true })).map((name) => name.replace(/^\.\//, ''));
  expect(files).toEqual(expect.arrayContaining(DOCUMENTS.slice(2).map((name) => `usr/share/doc/hyper2kvm/${name}`)));
  expect(await sha256Of(join(scratch.output, 'usr/bin/hyper2kvm'))).toBe(await sha256Of(binary));
});

testWithBinary(
  [],
  'without the code cache two builds are equal, wherever they are made',
  async () => {
    await using scratch = await ScratchFolder.make();
    const folders = ['one', 'another-name'].map((name) => join(scratch.path, name));
    for (const folder of folders) {
      await mkdir(`${folder}-tmp`);
      const flags = ['--arch', process.arch, '--binary-only', '--no-code-cache', '--output', folder];
      await outputOf(process.execPath, [PACKAGE, ...flags], { TMPDIR: `${folder}-tmp` });
      expect(existsSync(join(folder, 'SHA256SUMS'))).toBe(true);
    }
    const [first, second] = await Promise.all(folders.map((folder) => readFile(join(folder, 'SHA256SUMS'), 'utf8')));
    expect(first).toBe(second);
  },
  300_000,
);

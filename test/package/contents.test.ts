import { createHash } from 'node:crypto';
import { existsSync, globSync } from 'node:fs';
import { mkdir, readFile, readdir } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { expect } from '@jest/globals';
import { outputOf, runProgram } from '../oracles/run-program.ts';
import { ScratchFolder } from '../operations/export/export-run.ts';
import { testWithBinary, testWithPacked } from './with-binary.ts';

const PACKAGE = fileURLToPath(new URL('../../bin/build/package/package.ts', import.meta.url));
const MANUAL = globSync('docs/**', { cwd: fileURLToPath(new URL('../../', import.meta.url)), withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map(({ parentPath, name }) => relative(fileURLToPath(new URL('../../', import.meta.url)), join(parentPath, name)));
const DOCUMENTS = ['CHANGELOG.md', 'LICENSE', 'README.md', 'THIRD-PARTY-LICENCES.txt', 'sbom.cdx.json', ...MANUAL];

async function sha256Of(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

/** Returns `NAME VERSION` of every package that has a section in the license text. */
function licensed(text: string): string[] {
  return [...text.matchAll(/^={80}\n(\S+ \S+): .*\n={80}$/gm)].map(([, title = '']) => title);
}

/** Expects that an unpacked archive or package contains the original binary, and that it runs. */
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

const COMPLETIONS = {
  bash: 'share/bash-completion/completions/hyper2kvm',
  zsh: 'share/zsh/site-functions/_hyper2kvm',
  fish: 'share/fish/vendor_completions.d/hyper2kvm.fish',
};
const SHARED = [...Object.values(COMPLETIONS), 'share/man/man1/hyper2kvm.1'];
const INSTALLED = [
  '/usr/bin/hyper2kvm',
  '/usr/share/man/man1/hyper2kvm.1.gz',
  `/usr/${COMPLETIONS.bash}`,
  `/usr/${COMPLETIONS.fish}`,
];
const INSTALLED_DOCUMENTS = DOCUMENTS.filter((name) => name !== 'LICENSE').map(
  (name) => `/usr/share/doc/hyper2kvm/${name}`,
);

/** Returns the file names in a program's listing, without folders, in alphabetical order. */
function filesIn(listing: string, pattern: RegExp): string[] {
  return [...listing.matchAll(pattern)]
    .map(([, file = '']) => file)
    .filter((file) => !file.endsWith('/'))
    .toSorted();
}

/** Expects that a distribution package has the same man pages and completions as the binary and the archive. */
async function expectShared(root: string, binary: string, completions: Record<string, string>): Promise<void> {
  for (const [shell, path] of Object.entries(completions)) {
    expect(await readFile(join(root, path), 'utf8')).toBe(await outputOf(binary, ['completion', shell]));
  }
  const page = await readFile(join(root, 'share/man/man1/hyper2kvm.1.gz'));
  expect(gunzipSync(page).toString()).toContain('.Dt HYPER2KVM 1');
  // Flag 8 would add a file name, and bytes 4 to 7 are the modification time. Either would make builds differ (RFC
  // 1952).
  expect([page.readUInt32LE(4), (page[3] ?? 0) & 8]).toEqual([0, 0]);
}

testWithPacked(
  '.tar.gz',
  ['tar'],
  'the archive holds the program, its papers, completions and man page, in one folder, and nothing else',
  async (binary, paths) => {
    await using scratch = await ScratchFolder.make();
    const title = basename(binary);
    const listing = await outputOf(paths.tar, ['-tzf', `${binary}.tar.gz`]);
    expect(filesIn(listing, /^(.+)$/gm)).toEqual(
      [...DOCUMENTS, ...SHARED, 'hyper2kvm'].map((file) => `${title}/${file}`).toSorted(),
    );
    await outputOf(paths.tar, ['-xzf', `${binary}.tar.gz`, '-C', scratch.path]);
    const folder = join(scratch.path, title);
    await expectProgram(join(folder, 'hyper2kvm'), binary);
    for (const [shell, path] of Object.entries(COMPLETIONS)) {
      expect(await readFile(join(folder, path), 'utf8')).toBe(await outputOf(binary, ['completion', shell]));
    }
  },
);

testWithPacked(
  '.deb',
  ['dpkg-deb'],
  'the .deb installs the program, its papers, completions and man page, and nothing else',
  async (binary, paths) => {
    await using scratch = await ScratchFolder.make();
    const zsh = 'share/zsh/vendor-completions/_hyper2kvm';
    const listing = await outputOf(paths['dpkg-deb'], ['-c', `${binary}.deb`]);
    const files = [...INSTALLED, ...INSTALLED_DOCUMENTS, '/usr/share/doc/hyper2kvm/copyright', `/usr/${zsh}`];
    expect(filesIn(listing, / \.(\/\S+)$/gm)).toEqual(files.toSorted());
    expect(listing).not.toMatch(/^-(?!r..r-.r-. root\/root)/m);
    await outputOf(paths['dpkg-deb'], ['-x', `${binary}.deb`, scratch.path]);
    await expectProgram(join(scratch.path, 'usr/bin/hyper2kvm'), binary);
    await expectShared(join(scratch.path, 'usr'), binary, { ...COMPLETIONS, zsh });
    const depends = await outputOf(paths['dpkg-deb'], ['-f', `${binary}.deb`, 'Depends']);
    expect(depends).toBe('libc6 (>= 2.28), libstdc++6, libgcc-s1\n');
    const recommends = await outputOf(paths['dpkg-deb'], ['-f', `${binary}.deb`, 'Recommends']);
    expect(recommends).toMatch(/libguestfs-tools.*qemu-system-x86.*ovmf.*nbdkit.*virt-v2v/);
  },
);

testWithPacked(
  '.rpm',
  ['rpm', '7zz'],
  'the .rpm installs the program, its papers, completions and man page, and nothing else',
  async (binary, paths) => {
    await using scratch = await ScratchFolder.make();
    const listing = await outputOf(paths.rpm, ['-qlp', `${binary}.rpm`]);
    const licence = '/usr/share/licenses/hyper2kvm/LICENSE';
    const files = [...INSTALLED, ...INSTALLED_DOCUMENTS, licence, `/usr/${COMPLETIONS.zsh}`];
    expect(filesIn(listing, /^(.+)$/gm)).toEqual(files.toSorted());
    const recommends = await outputOf(paths.rpm, ['-qp', '--recommends', `${binary}.rpm`]);
    expect(recommends).toMatch(/guestfs-tools[^]*qemu-kvm[^]*edk2-ovmf[^]*nbdkit[^]*virt-v2v/);
    expect(await outputOf(paths.rpm, ['-K', '--nosignature', `${binary}.rpm`])).toMatch(/: digests OK$/m);
    await outputOf(paths['7zz'], ['x', `-o${scratch.path}`, `${binary}.rpm`]);
    const [archive = ''] = await readdir(scratch.path);
    await outputOf(paths['7zz'], ['x', `-o${scratch.output}`, join(scratch.path, archive)]);
    expect(await sha256Of(join(scratch.output, 'usr/bin/hyper2kvm'))).toBe(await sha256Of(binary));
    await expectShared(join(scratch.output, 'usr'), binary, COMPLETIONS);
  },
);

/**
 * Known lintian tags. Node.js is built with its own zlib and at a fixed address. It contains the path of dpkg's
 * database, because fixes read the database of guests. There is no contact address, and the changes are in
 * CHANGELOG.md.
 */
const KNOWN_TAGS = new Set([
  'embedded-library',
  'hardening-no-pie',
  'uses-dpkg-database-directly',
  'malformed-contact',
  'no-changelog',
]);

testWithPacked(
  '.deb',
  ['lintian'],
  'lintian finds nothing in the .deb that is not known',
  async (binary, { lintian }) => {
    const { stdout } = await runProgram(lintian, ['--allow-root', `${binary}.deb`]);
    const tags = [...stdout.matchAll(/^[EW]: hyper2kvm: (\S+)/gm)].map(([, tag = '']) => tag);
    expect(tags).toContain('embedded-library');
    expect(tags.filter((tag) => !KNOWN_TAGS.has(tag))).toEqual([]);
  },
);

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
  1_200_000,
);

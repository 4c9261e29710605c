import { cp, open, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { VerifyDocument } from '../../src/operations/documents/schemas.ts';
import { testWithOracle } from '../oracles/oracle.ts';
import { outputOf } from '../oracles/run-program.ts';
import { ScratchFolder } from '../operations/export/export-run.ts';
import { mixedContent } from '../server/content-source.ts';
import { startTestServer } from '../server/test-server.ts';
import { environmentOf, runProgram } from './program.ts';

let made: ScratchFolder;

/** Exports a VM in every way, once. Tests damage copies. */
beforeAll(async () => {
  made = await ScratchFolder.make();
  await using server = await startTestServer({
    vms: [{ name: 'web', disks: [{ content: mixedContent(4 << 20, 'a') }, { content: mixedContent(1 << 20, 'b') }] }],
  });
  const env = environmentOf(server, join(made.path, 'state'));
  for (const args of [
    ['--format=ovf', '-o', 'ovf/', '--skip-existing'],
    ['--format=ova', '-o', 'ova/'],
    ['--format=vmdk', '-o', 'vmdk/'],
    ['--format=qcow2', '--compress', '--fix=off', '-o', 'qcow2/'],
    ['--format=raw', '--fix=off', '-o', 'raw/'],
    ['--keep=2', '-o', 'kept/'],
  ]) {
    expect(await runProgram(['export', 'web', ...args], { env, cwd: made.path })).toMatchObject({ exitCode: 0 });
  }
});

afterAll(() => made[Symbol.asyncDispose]());

interface Verified {
  exitCode: number;
  result: VerifyDocument;
  /** The errors and warnings: level, file and detail. */
  problems: string[];
}

async function verify(cwd: string, ...args: string[]): Promise<Verified> {
  const env = environmentOf(undefined, join(cwd, 'state'));
  const { exitCode, stdout } = await runProgram(['verify', ...args, '--json'], { env, cwd });
  const { result }: { result: VerifyDocument } = JSON.parse(stdout);
  const findings = result.items.flatMap((item) => item.findings);
  const problems = findings
    .filter(({ level }) => level !== 'ok')
    .map((each) => `${each.level} ${each.file}: ${each.detail}`);
  return { exitCode: exitCode ?? -1, result, problems };
}

/** Verifies a copy of one of the exports after `damage`. */
async function afterDamage(name: string, damage: (folder: string) => Promise<unknown>, ...flags: string[]) {
  await using scratch = await ScratchFolder.make();
  const folder = join(scratch.path, name);
  await cp(join(made.path, name), folder, { recursive: true, verbatimSymlinks: true });
  await damage(folder);
  const found = await verify(scratch.path, name, ...flags);
  return {
    ...found,
    problems: found.problems.map((line) => line.replaceAll(scratch.path, '').replaceAll(made.path, 'MADE')),
  };
}

/** Inverts the byte at an offset, which counts from the end if it is negative. */
async function flip(path: string, offset: number): Promise<void> {
  await using file = await open(path, 'r+');
  const at = offset < 0 ? (await file.stat()).size + offset : offset;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at);
  await file.write(Buffer.from([(buffer[0] ?? 0) ^ 0xff]), 0, 1, at);
}

test('exports of all formats are intact, whatever is in the folder, and each file is covered once', async () => {
  const { exitCode, problems, result } = await verify(made.path, '.');
  expect(problems).toEqual([]);
  expect(exitCode).toBe(0);
  expect(result.errors + result.warnings).toBe(0);
  const kinds = result.items.map(({ kind, path }) => `${kind} ${path.replace(/\d{8}T\d{6}Z/, 'TIME')}`);
  expect(kinds.toSorted()).toEqual(
    [
      'domain qcow2/web.xml',
      'domain raw/web.xml',
      'manifest vmdk/web.mf',
      'ova ova/web.ova',
      'ovf kept/web/TIME/web.ovf',
      'ovf ovf/web.ovf',
      'record kept/web/TIME/.hyper2kvm-generation',
      'record ovf/.web.hyper2kvm-whole',
      'disk vmdk/web-disk-1.vmdk',
      'disk vmdk/web-disk-2.vmdk',
    ].toSorted(),
  );
  const words = JSON.stringify(result);
  expect(words).toContain('sha256 as in the manifest');
  expect(words).toContain('structure valid');
});

test('--quick reads no disk', async () => {
  const { result, problems } = await verify(made.path, '.', '--quick');
  expect(result.readBytes).toBe(0);
  expect(problems).toEqual([]);
});

test('a byte that changed in an OVF, an OVA or a VMDK export is found by its digest', async () => {
  for (const [name, file] of [
    ['ovf', 'web-disk-2.vmdk'],
    ['ova', 'web.ova'],
    ['vmdk', 'web-disk-2.vmdk'],
  ] as const) {
    const found = await afterDamage(name, (folder) => flip(join(folder, file), -70_000));
    expect({ name, ...found }).toMatchObject({
      name,
      exitCode: 13,
      problems: expect.arrayContaining([expect.stringMatching(/^error .*sha256 does not match the manifest/)]),
    });
  }
});

test('--quick compares sizes and names only', async () => {
  const changed = await afterDamage('ovf', (folder) => flip(join(folder, 'web-disk-2.vmdk'), -70_000), '--quick');
  expect(changed).toMatchObject({ exitCode: 0, problems: [] });
  const short = await afterDamage('ovf', (folder) => truncate(join(folder, 'web-disk-2.vmdk'), 100_000), '--quick');
  expect(short.exitCode).toBe(13);
  expect(short.problems.join('\n')).toMatch(/the file has 100000 bytes, and had \d+ at the end of the export/);
});

test('a descriptor that was edited, and files that are missing, are errors', async () => {
  const edited = await afterDamage('ovf', (folder) => flip(join(folder, 'web.ovf'), -3));
  expect(edited.problems).toEqual([expect.stringMatching(/^error web\.ovf: The descriptor .* was changed/)]);
  const gone = await afterDamage('ovf', (folder) => rm(join(folder, 'web-disk-1.vmdk')));
  expect(gone.problems).toEqual([
    'error web-disk-1.vmdk: the file of the export is missing',
    expect.stringMatching(/names the file "web-disk-1\.vmdk", which is not in/),
  ]);
  const listed = await afterDamage('vmdk', (folder) => rm(join(folder, 'web-disk-1.vmdk')));
  expect(listed).toMatchObject({ exitCode: 13, problems: ['error web-disk-1.vmdk: the file is missing'] });
  const generation = await afterDamage('kept', async (folder) => {
    const name = (await readdir(join(folder, 'web'))).find((each) => /^\d/.test(each)) ?? '';
    await rm(join(folder, 'web', name, 'web.mf'));
  });
  expect(generation.problems[0]).toBe('error web.mf: the file of the export is missing');
});

test('images of a moved export are found next to the domain, and a missing image is an error', async () => {
  await using scratch = await ScratchFolder.make();
  await rename(join(made.path, 'raw'), join(scratch.path, 'moved'));
  const moved = await verify(scratch.path, 'moved');
  expect(moved.exitCode).toBe(0);
  expect(moved.problems).toEqual([
    expect.stringMatching(
      /^warning web\.xml: its disk .*\/raw\/web-disk-1\.raw is not there; web-disk-1\.raw next to it was checked$/,
    ),
    expect.stringMatching(/^warning web\.xml: its disk .*\/raw\/web-disk-2\.raw is not there/),
  ]);
  await rm(join(scratch.path, 'moved', 'web-disk-2.raw'));
  const missing = await verify(scratch.path, 'moved');
  expect(missing.exitCode).toBe(13);
  expect(missing.problems.at(-1)).toMatch(/^error web\.xml: its disk .*web-disk-2\.raw does not exist$/);
  await rename(join(scratch.path, 'moved'), join(made.path, 'raw'));
});

test('an image with damaged tables, and one whose format is not that of its domain, are errors', async () => {
  const path = (folder: string) => join(folder, 'web-disk-1.qcow2');
  const unlinked = async (folder: string): Promise<void> => {
    // The domain names the original paths.
    const domain = join(folder, 'web.xml');
    await writeFile(domain, (await readFile(domain, 'utf8')).replaceAll(join(made.path, 'qcow2'), folder));
  };
  const refcount = await afterDamage('qcow2', async (folder) => {
    await unlinked(folder);
    const bytes = await readFile(path(folder));
    const block = Number(bytes.readBigUInt64BE(Number(bytes.readBigUInt64BE(48))));
    bytes.writeUInt16BE(0, block + 2);
    await writeFile(path(folder), bytes);
  });
  expect(refcount.exitCode).toBe(13);
  const about = refcount.result.items.flatMap(({ findings }) => findings).filter(({ file }) => file.includes('disk-1'));
  expect(about.map(({ level }) => level)).toEqual(['error']);
  expect(refcount.problems).toEqual([
    expect.stringMatching(
      /^error web-disk-1\.qcow2: \d errors? in its tables: .*cluster 1 has the refcount 0, but 1 reference/,
    ),
  ]);
  const raw = await afterDamage('qcow2', async (folder) => {
    await unlinked(folder);
    await writeFile(path(folder), Buffer.alloc(1 << 20, 1));
  });
  expect(raw.problems).toEqual([
    'error web-disk-1.qcow2: the domain declares the format qcow2, but the content is raw',
  ]);
});

test('what an unfinished export left is a warning', async () => {
  const found = await afterDamage('ova', (folder) => writeFile(join(folder, 'db.ova.partial'), 'x'));
  expect(found).toMatchObject({
    exitCode: 0,
    problems: ['warning db.ova.partial: it belongs to an export that did not finish'],
  });
});

test('a folder without anything to verify, and a path that is not there, are errors of their own', async () => {
  await using scratch = await ScratchFolder.make();
  const options = { env: environmentOf(undefined, scratch.path), cwd: scratch.path };
  await writeFile(join(scratch.path, 'notes.txt'), 'x');
  expect(await runProgram(['verify', '.'], options)).toMatchObject({ exitCode: 11 });
  expect(await runProgram(['verify', 'missing'], options)).toMatchObject({ exitCode: 14 });
  expect((await runProgram(['verify', 'notes.txt'], options)).exitCode).toBe(13);
});

test('--quiet prints nothing about intact exports, and only the problems of others', async () => {
  const options = { env: environmentOf(undefined, made.path), cwd: made.path };
  expect(await runProgram(['verify', 'ovf', '--quiet'], options)).toMatchObject({
    exitCode: 0,
    stdout: '',
    stderr: '',
  });
  await using scratch = await ScratchFolder.make();
  await cp(join(made.path, 'ovf'), join(scratch.path, 'ovf'), { recursive: true });
  await flip(join(scratch.path, 'ovf', 'web-disk-2.vmdk'), -70_000);
  const { stdout } = await runProgram(['verify', 'ovf', '--quiet'], { ...options, cwd: scratch.path });
  expect(stdout.split('\n')[0]).toBe('ovf/web.ovf');
  expect(stdout).not.toContain('  ok ');
  expect(stdout).toMatch(/^Not intact: 2 errors in 1 of 2 items\. /m);
});

testWithOracle(
  ['qemu-img'],
  'a chain of images is one item, and a parent that is gone is an error',
  async ({ 'qemu-img': qemuImg }) => {
    await using scratch = await ScratchFolder.make();
    const at = (name: string): string => join(scratch.path, name);
    await outputOf(qemuImg, ['create', '-q', '-f', 'qcow2', at('base.qcow2'), '8M']);
    await outputOf(qemuImg, ['create', '-q', '-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', at('top.qcow2')]);
    const { result, problems } = await verify(scratch.path, '.');
    expect({ paths: result.items.map(({ path }) => path), problems }).toEqual({ paths: ['top.qcow2'], problems: [] });
    expect(result.items[0]?.findings[0]?.detail).toContain('qcow2 of 2 files');
    await rm(at('base.qcow2'));
    const broken = await verify(scratch.path, 'top.qcow2');
    expect(broken).toMatchObject({
      exitCode: 13,
      problems: [expect.stringMatching(/needs its parent "base\.qcow2", which does not exist/)],
    });
  },
);

import { expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { appendFile, chmod, mkdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LogFile } from '../../../src/cli/log/log-file.ts';
import { ScratchFolder } from '../../operations/export/export-run.ts';
import { testWithMount, withTmpfs } from '../../operations/tmpfs.ts';

function openLog(path: string, problems: string[] = []): Promise<LogFile> {
  const onProblem = (message: string): void => void problems.push(message);
  return LogFile.open({ path, onProblem, lostLine: (count) => `${count} lost\n` });
}

/** Resolves when the file contains the text. */
async function holds(path: string, text: string): Promise<void> {
  while ((await readFile(path, 'utf8').catch(() => '')) !== text) await new Promise(setImmediate);
}

test('lines are appended in their order, to a file for its owner alone', async () => {
  await using scratch = await ScratchFolder.make();
  const path = join(scratch.path, 'log');
  const lines = Array.from({ length: 500 }, (_, index) => `${index}\n`);
  for (const half of [lines.slice(0, 250), lines.slice(250)]) {
    const log = await openLog(path);
    for (const line of half) log.write(line);
    await log.close();
  }
  expect(await readFile(path, 'utf8')).toBe(lines.join(''));
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test('a file that is there keeps its mode', async () => {
  await using scratch = await ScratchFolder.make();
  const path = join(scratch.path, 'log');
  await writeFile(path, 'before\n');
  await chmod(path, 0o640);
  const log = await openLog(path);
  log.write('after\n');
  await log.close();
  expect(await readFile(path, 'utf8')).toBe('before\nafter\n');
  expect((await stat(path)).mode & 0o777).toBe(0o640);
});

test('two writers of one file do not cut into the lines of each other', async () => {
  await using scratch = await ScratchFolder.make();
  const path = join(scratch.path, 'log');
  const logs = [await openLog(path), await openLog(path)];
  for (let i = 0; i < 200; i += 1) logs[i % 2]?.write(`${'x'.repeat(i)}${i}\n`);
  await Promise.all(logs.map((log) => log.close()));
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  expect(lines.toSorted()).toEqual(Array.from({ length: 200 }, (_, i) => `${'x'.repeat(i)}${i}`).toSorted());
});

test.each(['a new file in its place', 'no file in its place'])(
  'a log that was renamed goes on under its name, with %s',
  async (what) => {
    await using scratch = await ScratchFolder.make();
    const path = join(scratch.path, 'log');
    const log = await openLog(path);
    log.write('one\n');
    await holds(path, 'one\n');
    await rename(path, `${path}.1`);
    if (what.startsWith('a new')) await writeFile(path, '');
    log.write('two\n');
    await log.close();
    expect(await readFile(`${path}.1`, 'utf8')).toBe('one\n');
    expect(await readFile(path, 'utf8')).toBe('two\n');
  },
);

test('a log that was copied and truncated goes on at its beginning, without a hole', async () => {
  await using scratch = await ScratchFolder.make();
  const path = join(scratch.path, 'log');
  const log = await openLog(path);
  log.write('one\n');
  await holds(path, 'one\n');
  await truncate(path);
  log.write('two\n');
  await log.close();
  expect(await readFile(path, 'utf8')).toBe('two\n');
});

test('where the folder has gone the open file goes on', async () => {
  await using scratch = await ScratchFolder.make();
  const folder = join(scratch.path, 'logs');
  await mkdir(folder);
  const problems: string[] = [];
  const log = await openLog(join(folder, 'log'), problems);
  await rm(folder, { recursive: true });
  log.write('one\n');
  await log.close();
  expect(problems).toEqual([]);
});

test('what is no file, or cannot be made, is refused', async () => {
  await using scratch = await ScratchFolder.make();
  const pipe = join(scratch.path, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const kind = 'local-file';
  await expect(openLog(pipe)).rejects.toMatchObject({ kind, message: `The log ${pipe} is not a regular file.` });
  await expect(openLog(scratch.path)).rejects.toMatchObject({ kind });
  await expect(openLog(join(scratch.path, 'none', 'log'))).rejects.toMatchObject({
    kind,
    message: `Could not open the log ${join(scratch.path, 'none', 'log')}: it does not exist.`,
    hint: expect.stringContaining('--log-file'),
  });
});

testWithMount('a full disk is told once, and the log tells how many lines are missing', async () => {
  await using scratch = await ScratchFolder.make();
  const folder = join(scratch.path, 'small');
  await mkdir(folder);
  await withTmpfs(folder, 'size=16k', async () => {
    const path = join(folder, 'log');
    const problems: string[] = [];
    const log = await openLog(path, problems);
    log.write('one\n');
    await holds(path, 'one\n');
    await appendFile(join(folder, 'filler'), Buffer.alloc(12 * 1024));
    const long = 'y'.repeat(5000);
    for (let i = 0; i < 3; i += 1) log.write(`${long}\n`);
    while (problems.length === 0) await new Promise(setImmediate);
    expect(problems).toEqual([
      `Could not write the log ${path}: no space is left. The job continues; lines of the log are missing.`,
    ]);
    await rm(join(folder, 'filler'));
    log.write('two\n');
    await log.close();
    const lines = (await readFile(path, 'utf8')).split('\n');
    // The first of the three lines is lost. Whether a second one is lost depends on when space became free.
    const lost = 3 - lines.filter((line) => line === long).length;
    expect(lost).toBeGreaterThan(0);
    expect(lines.filter((line) => !line.includes('y'))).toEqual(['one', `${lost} lost`, 'two', '']);
    expect(problems).toHaveLength(1);
  });
});

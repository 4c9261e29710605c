import { execFileSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { expect, test } from '@jest/globals';
import { ScratchFolder } from '../operations/export/export-run.ts';
import { testWithOracle } from '../oracles/oracle.ts';
import { runProgram } from '../oracles/run-program.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

// Jest loads modules in its own context, in which oclif cannot import the commands. Therefore the tool runs in a
// separate process.
const PROGRAM = `import { sharedFiles } from ${JSON.stringify(`${root}bin/build/package/shared-files.ts`)}; process.stdout.write(JSON.stringify(await sharedFiles()));`;

function sharedFiles(env: NodeJS.ProcessEnv = {}): Record<string, string> {
  const flags = ['--input-type=module', '-e', PROGRAM];
  return JSON.parse(execFileSync(process.execPath, flags, { encoding: 'utf8', env: { ...process.env, ...env } }));
}

const PAGE = sharedFiles({ SOURCE_DATE_EPOCH: '86400' })['man/man1/hyper2kvm.1'] ?? '';

async function withPage(run: (file: string) => Promise<void>): Promise<void> {
  await using scratch = await ScratchFolder.make();
  const file = join(scratch.path, 'hyper2kvm.1');
  await writeFile(file, PAGE);
  await run(file);
}

testWithOracle('mandoc', 'mandoc has nothing to say against the man page', async ({ mandoc }) => {
  await withPage(async (file) => {
    const { stdout, stderr } = await runProgram(mandoc, ['-Tlint', file]);
    // Ignores findings about other man pages, which mandoc's database may not contain here. They do not concern this
    // page.
    const findings = (stdout + stderr).split('\n').filter((line) => line !== '' && !line.includes('mandoc.db'));
    expect(findings.filter((line) => !line.includes('referenced manual not found'))).toEqual([]);
  });
});

testWithOracle('man', 'man shows every command with its flags, without a warning', async ({ man }) => {
  await withPage(async (file) => {
    const env = { MANWIDTH: '80', LC_ALL: 'C.UTF-8', MANPAGER: 'cat' };
    const { stdout, stderr, exitCode } = await runProgram(man, ['--warnings', '--nh', '--local-file', file], env);
    expect([stderr, exitCode]).toEqual(['', 0]);
    const manifest = JSON.parse(readFileSync(join(root, 'oclif.manifest.json'), 'utf8')) as {
      commands: Record<string, { hidden?: boolean; flags: Record<string, { hidden?: boolean; allowNo?: boolean }> }>;
    };
    const text = stripVTControlCharacters(stdout);
    for (const [id, { hidden, flags }] of Object.entries(manifest.commands)) {
      if (hidden) continue;
      expect(text).toContain(`\n   hyper2kvm ${id}\n`);
      for (const [name, flag] of Object.entries(flags)) {
        if (!flag.hidden) expect(text).toMatch(new RegExp(`^ {5}.*--(\\[no-\\])?${name}\\b`, 'm'));
      }
    }
  });
});

test('the man page (bin/build/man-page.ts) names every variable of the environment that is in the sources', () => {
  const sources = globSync('src/**/*.ts', { cwd: root }).map((file) => readFileSync(join(root, file), 'utf8'));
  const read = new Set(sources.join('\n').match(/\b(HYPER2KVM|GOVC)_[A-Z_]*[A-Z]\b/g));
  // An internal variable: the program uses it to pass the password to a detached job.
  read.delete('HYPER2KVM_HANDOVER');
  expect([...read].filter((name) => !PAGE.includes(name))).toEqual([]);
});

test('the date of the man page is that of the commit or of SOURCE_DATE_EPOCH, and not that of the build', () => {
  expect(PAGE).toContain('.Dd January 2, 1970\n');
});

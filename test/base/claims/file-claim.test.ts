import { chmod, chown, mkdir, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { FileClaims } from '../../../src/base/claims/file-claim.ts';
import type { lockFile } from '../../../src/base/claims/lock-file.ts';
import { needsRoot, testUnless } from '../../oracles/skips.ts';
import { makeTemporaryFolder } from '../../temporary-folder.ts';

const NOBODY = 65_534;
const DAY_MS = 24 * 3_600_000;

let folder: string;
let output: string;
let problems: string[];
beforeEach(async () => {
  folder = await makeTemporaryFolder('claim-');
  output = join(folder, 'out');
  await mkdir(output);
  problems = [];
});
afterEach(() => rm(folder, { recursive: true }));

const statePath = (name = 'state'): string => join(folder, name);
const locksIn = (state: string): Promise<string[]> => readdir(join(state, 'hyper2kvm', 'claims'));

function claimsIn(state: string, lock?: typeof lockFile): FileClaims {
  const env = { XDG_STATE_HOME: state };
  return new FileClaims({ env, onProblem: (message) => problems.push(message), ...(lock && { lock }) });
}

test('a name is claimed once, through whatever path, until the claim is given up', async () => {
  await symlink(output, join(folder, 'link'));
  const claim = await claimsIn(statePath()).claim(join(output, 'a.qcow2'));
  expect(claim.isHeld).toBe(true);
  await expect(claimsIn(statePath()).claim(join(folder, 'link', 'a.qcow2'))).rejects.toMatchObject({
    kind: 'busy',
    message: `Another run of hyper2kvm is writing ${join(folder, 'link', 'a.qcow2')}.`,
  });
  const other = await claimsIn(statePath()).claim(join(output, 'b.qcow2'));
  expect(other.isHeld).toBe(true);
  claim[Symbol.dispose]();
  const again = await claimsIn(statePath()).claim(join(output, 'a.qcow2'));
  expect(again.isHeld).toBe(true);
  for (const each of [other, again]) each[Symbol.dispose]();
  expect(await locksIn(statePath())).toEqual([]);
  expect(problems).toEqual([]);
});

testUnless(needsRoot(), 'another user cannot take a name, or keep it', async () => {
  await chmod(folder, 0o755);
  await mkdir(statePath('theirs'));
  await chown(statePath('theirs'), NOBODY, NOBODY);
  process.seteuid?.(NOBODY);
  try {
    using theirs = await claimsIn(statePath('theirs')).claim(join(output, 'a.qcow2'));
    expect(theirs.isHeld).toBe(true);
    process.seteuid?.(0);
    using ours = await claimsIn(statePath()).claim(join(output, 'a.qcow2'));
    expect(ours.isHeld).toBe(true);
  } finally {
    process.seteuid?.(0);
  }
  // A claims folder that another user created first is not used either.
  await mkdir(join(statePath('planted'), 'hyper2kvm', 'claims'), { recursive: true });
  await chown(join(statePath('planted'), 'hyper2kvm', 'claims'), NOBODY, NOBODY);
  using unheld = await claimsIn(statePath('planted')).claim(join(output, 'b.qcow2'));
  expect(unheld.isHeld).toBe(false);
  expect(problems).toEqual([expect.stringContaining(`belongs to user ${NOBODY}`)]);
});

test('where no lock can be taken, that is told once and stops nothing', async () => {
  await writeFile(statePath(), 'a file in the way');
  const claims = claimsIn(statePath());
  for (const name of ['a', 'a', 'b']) {
    using claim = await claims.claim(join(output, name));
    expect(claim.isHeld).toBe(false);
  }
  expect(problems).toEqual([
    expect.stringMatching(/^Locking in the state folder failed, so do not start .*: Could not make the folder/),
  ]);
});

test('a file system without locks is not taken for another run', async () => {
  // SQLite reports ENOLCK, which NFS without a lock daemon returns, like a lock that another process holds.
  using claim = await claimsIn(statePath(), () => undefined).claim(join(output, 'a'));
  expect(claim.isHeld).toBe(false);
  expect(problems).toEqual([expect.stringContaining('has no file locks')]);
});

test('files of killed processes are removed after a day, and those of others stay', async () => {
  using claim = await claimsIn(statePath()).claim(join(output, 'a'));
  expect(claim.isHeld).toBe(true);
  const [held = ''] = await locksIn(statePath());
  const claims = join(statePath(), 'hyper2kvm', 'claims');
  for (const name of ['old', 'young']) await writeFile(join(claims, name), '');
  const past = new Date(Date.now() - 2 * DAY_MS);
  for (const name of ['old', held]) await utimes(join(claims, name), past, past);
  using other = await claimsIn(statePath()).claim(join(output, 'b'));
  expect(other.isHeld).toBe(true);
  const names = await locksIn(statePath());
  expect(names).toHaveLength(3);
  expect(names).toEqual(expect.arrayContaining([held, 'young']));
});

test('a claim in a folder that is not there names the folder', async () => {
  await expect(claimsIn(statePath()).claim(join(folder, 'none', 'a'))).rejects.toMatchObject({
    kind: 'local-file',
    message: `Could not access ${join(folder, 'none')}: it does not exist.`,
  });
});

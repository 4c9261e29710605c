import { expect, test } from '@jest/globals';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadProfile } from '../../../src/cli/config/load-profile.ts';
import { ScratchFolder } from '../../operations/export/export-run.ts';
import { KNOWN_COMMANDS } from './known-flags.ts';

interface Choice {
  file?: string;
  name?: string;
  env?: NodeJS.ProcessEnv;
}

/** Returns the file and name of the selected profile, for a home folder with these files. `HOME` in a path is that folder. */
async function chosen(
  files: Record<string, string>,
  { file, name, env = {} }: Choice = {},
): Promise<string | undefined> {
  await using scratch = await ScratchFolder.make();
  await mkdir(join(scratch.path, '.config', 'hyper2kvm'), { recursive: true });
  for (const [path, text] of Object.entries(files)) await writeFile(join(scratch.path, path), text, { mode: 0o600 });
  const inside = (path: string | undefined): string | undefined => path?.replace('HOME', scratch.path);
  const profile = await loadProfile({
    file: inside(file),
    name,
    env: { HOME: scratch.path, ...env, HYPER2KVM_CONFIG: inside(env['HYPER2KVM_CONFIG']) },
    commands: KNOWN_COMMANDS,
    warn: () => undefined,
  });
  return profile && `${profile.file.replace(scratch.path, 'HOME')} ${profile.name}`;
}

const USUAL = '.config/hyper2kvm/config.yaml';
const TWO = 'profiles: {default: {}, nightly: {}}';
const NIGHTLY = { HYPER2KVM_PROFILE: 'nightly' };
const NONE = { HYPER2KVM_CONFIG: 'HOME/none' };

test.each<[string, Record<string, string>, Choice, string | undefined]>([
  ['no file is needed', {}, {}, undefined],
  ['without a default none counts', { [USUAL]: 'profiles: {nightly: {}}' }, {}, undefined],
  ['the default counts by itself', { [USUAL]: TWO }, {}, `HOME/${USUAL} default`],
  ['--profile names another', { [USUAL]: TWO }, { name: 'nightly' }, `HOME/${USUAL} nightly`],
  ['HYPER2KVM_PROFILE does too', { [USUAL]: TWO }, { env: NIGHTLY }, `HOME/${USUAL} nightly`],
  ['an empty one does not', { [USUAL]: TWO }, { env: { HYPER2KVM_PROFILE: '' } }, `HOME/${USUAL} default`],
  ['--profile comes first', { [USUAL]: TWO }, { name: 'default', env: NIGHTLY }, `HOME/${USUAL} default`],
  ['HYPER2KVM_CONFIG names a file', { mine: TWO }, { env: { HYPER2KVM_CONFIG: 'HOME/mine' } }, 'HOME/mine default'],
  ['--config comes first', { mine: TWO }, { file: 'HOME/mine', env: NONE }, 'HOME/mine default'],
  ['an empty file has none', { [USUAL]: '' }, {}, undefined],
  ['/dev/null has none', { [USUAL]: TWO }, { file: '/dev/null' }, undefined],
])('%s', async (_title, files, choice, profile) => {
  expect(await chosen(files, choice)).toBe(profile);
});

test.each<[Choice, string]>([
  [{ file: 'HOME/none' }, 'The configuration file cannot be used. Could not read '],
  [{ file: 'HOME' }, 'it is a folder'],
  [{ file: '' }, '--config is empty.'],
  [{ name: '' }, '--profile is empty.'],
  [{ env: NONE }, 'it does not exist'],
  [{ name: 'nightly' }, 'Cannot use the profile nightly: there is no configuration file.'],
  [{ env: NIGHTLY }, 'Cannot use the profile nightly: there is no configuration file.'],
])('%j is refused where there is no file', async (choice, words) => {
  await expect(chosen({}, choice)).rejects.toMatchObject({ kind: 'usage', message: expect.stringContaining(words) });
});

test('a profile that is not there is refused with the nearest name', async () => {
  await expect(chosen({ [USUAL]: TWO }, { name: 'nigthly' })).rejects.toMatchObject({
    kind: 'usage',
    message: expect.stringMatching(/config\.yaml has no profile nigthly\.$/),
    hint: 'Did you mean nightly? It has default, nightly.',
  });
  await expect(chosen({ [USUAL]: '' }, { name: 'x' })).rejects.toMatchObject({ hint: 'It has no profiles.' });
});

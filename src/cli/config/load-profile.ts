import type { Command } from '@oclif/core';
import { Hyper2kvmError } from '../../base/errors.ts';
import { homeFolder } from '../../base/files/home-folder.ts';
import { nearWord } from '../text/near-word.ts';
import { checkAccess, defaultConfigPath, readConfigFile, readUsualConfigFile } from './config-file.ts';
import { knownKeys } from './known-keys.ts';
import { secretsOf, type Profile } from './profile.ts';

/** The profile used when none is named. */
const DEFAULT_PROFILE = 'default';

export interface ProfileOptions {
  /** `--config` and `--profile`; undefined leaves the choice to the environment. */
  file: string | undefined;
  name: string | undefined;
  env: NodeJS.ProcessEnv;
  commands: readonly Pick<Command.Loadable, 'id' | 'flags'>[];
  /** Receives a warning when the default file cannot be read. */
  warn: (message: string) => void;
}

/**
 * Loads the profile of the configuration file for this invocation; undefined when there is none and none was named.
 * @throws usage errors.
 */
export async function loadProfile({ file, name, env, commands, warn }: ProfileOptions): Promise<Profile | undefined> {
  for (const [flag, text] of [
    ['--config', file],
    ['--profile', name],
  ] as const) {
    if (text === '') throw new Hyper2kvmError('usage', `${flag} is empty.`);
  }
  const namedFile = file ?? (env['HYPER2KVM_CONFIG'] || undefined);
  const namedProfile = name ?? (env['HYPER2KVM_PROFILE'] || undefined);
  const path = namedFile ?? defaultConfigPath(env);
  // A named profile must exist; otherwise the default file may be missing.
  const config =
    namedFile !== undefined
      ? await readConfigFile(namedFile)
      : path === undefined
        ? undefined
        : await readUsualConfigFile(path, warn);
  if (config === undefined) {
    if (namedProfile === undefined) return undefined;
    const hint = `Create ${path ?? 'a file'}, or give the file with --config.`;
    throw new Hyper2kvmError('usage', `Cannot use the profile ${namedProfile}: there is no configuration file.`, {
      hint,
    });
  }
  const { readProfiles } = await import('./profile-document.ts');
  const profiles = readProfiles(config.text, config.path, knownKeys(commands), homeFolder(env));
  checkAccess(
    config,
    profiles.some((profile) => secretsOf(profile).length > 0),
  );
  const wanted = namedProfile ?? DEFAULT_PROFILE;
  const profile = profiles.find((each) => each.name === wanted);
  if (profile === undefined && namedProfile !== undefined) throw missing(namedProfile, config.path, profiles);
  return profile;
}

function missing(name: string, file: string, profiles: readonly Profile[]): Hyper2kvmError {
  const names = profiles.map((profile) => profile.name);
  const near = nearWord(name, names);
  const list = names.length === 0 ? 'It has no profiles.' : `It has ${names.join(', ')}.`;
  return new Hyper2kvmError('usage', `${file} has no profile ${name}.`, {
    hint: near === undefined ? list : `Did you mean ${near}? ${list}`,
  });
}

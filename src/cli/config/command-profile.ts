import type { Command } from '@oclif/core';
import { Hyper2kvmError } from '../../base/errors.ts';
import { applySettings, type ParsedFlags } from './apply-settings.ts';
import type { OptionalValues } from '../input/optional-values.ts';
import { takeLeftOut, type DeniableFlag } from './left-out.ts';
import { loadProfile } from './load-profile.ts';
import type { Profile, Settings } from './profile.ts';

/** What a command needs to tell about itself for its profile. */
export interface ProfileUse {
  env: NodeJS.ProcessEnv;
  commands: readonly Pick<Command.Loadable, 'id' | 'flags'>[];
  /** The part of the profile that is about this command's flags. */
  settingsOf: (profile: Profile) => Settings;
  optionalValues: OptionalValues;
  warn: (message: string) => void;
}

/** The profile of one call: chosen, applied to its flags, and told where a setting of it was wrong. */
export class CommandProfile {
  /** Undefined before the flags are read, and when no profile counts. */
  profile: Profile | undefined;
  /** Settings of the profile that the command line leaves out. */
  leftOut: ReadonlySet<string> = new Set();
  #applied: string[] = [];

  /** The profile and its place, for people. */
  get words(): string | undefined {
    return this.profile && `${this.profile.name}, of ${this.profile.file}`;
  }

  /** The command line without the words that are for the profile. */
  takeLeftOut(argv: readonly string[], flags: Readonly<Record<string, DeniableFlag>>): string[] {
    const taken = takeLeftOut(argv, flags);
    this.leftOut = taken.leftOut;
    return taken.argv;
  }

  /** Finds the profile and fills the flags that the command line does not name. Throws usage errors. */
  async apply(parsed: ParsedFlags, { settingsOf, optionalValues, ...use }: ProfileUse): Promise<void> {
    const { config, profile } = parsed.flags;
    const [file, name] = [config, profile].map((value) => (typeof value === 'string' ? value : undefined));
    this.profile = await loadProfile({ file, name, ...use });
    if (this.profile === undefined) return;
    const settings = [...settingsOf(this.profile)].filter(([key]) => !this.leftOut.has(key));
    this.#applied = applySettings(parsed, new Map(settings), optionalValues);
  }

  /** A flag that the user did not type would be looked for in vain: the hint of a usage error tells where it may come from. */
  explain(error: unknown): unknown {
    if (!(error instanceof Hyper2kvmError) || error.kind !== 'usage' || this.#applied.length === 0) return error;
    const origin = `The profile ${this.profile?.name} in ${this.profile?.file} sets ${this.#applied.join(', ')}.`;
    const hint = error.hint === undefined ? origin : `${error.hint} ${origin}`;
    return new Hyper2kvmError('usage', error.message, { hint, cause: error });
  }
}

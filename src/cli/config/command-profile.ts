import type { Command } from '@oclif/core';
import { Hyper2kvmError } from '../../base/errors.ts';
import { applySettings, type ParsedFlags } from './apply-settings.ts';
import type { OptionalValues } from '../input/optional-values.ts';
import { takeLeftOut, type DeniableFlag } from './left-out.ts';
import { loadProfile } from './load-profile.ts';
import type { Profile, Settings } from './profile.ts';

/** What a command provides so that its profile can be applied. */
export interface ProfileUse {
  env: NodeJS.ProcessEnv;
  commands: readonly Pick<Command.Loadable, 'id' | 'flags'>[];
  /** Returns the part of the profile for this command's flags. */
  settingsOf: (profile: Profile) => Settings;
  optionalValues: OptionalValues;
  warn: (message: string) => void;
}

/** The profile of one invocation: selects it, applies it to the flags, and explains errors caused by its settings. */
export class CommandProfile {
  /** Undefined before the flags are parsed, and when no profile applies. */
  profile: Profile | undefined;
  /** Settings of the profile that the command line disables. */
  leftOut: ReadonlySet<string> = new Set();
  #applied: string[] = [];

  /** The profile and its file, for messages. */
  get words(): string | undefined {
    return this.profile && `${this.profile.name}, of ${this.profile.file}`;
  }

  /** Returns the command line without the arguments that disable profile settings. */
  takeLeftOut(argv: readonly string[], flags: Readonly<Record<string, DeniableFlag>>): string[] {
    const taken = takeLeftOut(argv, flags);
    this.leftOut = taken.leftOut;
    return taken.argv;
  }

  /**
   * Loads the profile and sets the flags that the command line does not set.
   * @throws usage errors.
   */
  async apply(parsed: ParsedFlags, { settingsOf, optionalValues, ...use }: ProfileUse): Promise<void> {
    const { config, profile } = parsed.flags;
    const [file, name] = [config, profile].map((value) => (typeof value === 'string' ? value : undefined));
    this.profile = await loadProfile({ file, name, ...use });
    if (this.profile === undefined) return;
    const settings = [...settingsOf(this.profile)].filter(([key]) => !this.leftOut.has(key));
    this.#applied = applySettings(parsed, new Map(settings), optionalValues);
  }

  /** Adds to a usage error the profile that may have set the flag: the user did not type it and would not find it on the command line. */
  explain(error: unknown): unknown {
    if (!(error instanceof Hyper2kvmError) || error.kind !== 'usage' || this.#applied.length === 0) return error;
    const origin = `The profile ${this.profile?.name} in ${this.profile?.file} sets ${this.#applied.join(', ')}.`;
    const hint = error.hint === undefined ? origin : `${error.hint} ${origin}`;
    return new Hyper2kvmError('usage', error.message, { hint, cause: error });
  }
}

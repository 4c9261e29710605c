import type { Secret } from '../../base/text/secret.ts';
import type { ConnectionFlagValues } from '../../cli/config/connection-flags.ts';
import type { OwnProgram } from '../../operations/detach/types.ts';
import type { ConnectionSettings } from '../../vsphere/connection/connection-settings.ts';

/** What the hyperctl commands need from the oclif command that runs them. */
export interface HyperctlHost {
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  version: string;
  program: OwnProgram;
  /** Prints lines of the result. */
  print: (lines: readonly string[]) => void;
  /** Prints a message for the user to standard error. */
  say: (text: string) => void;
  warn: (message: string) => void;
  /** Makes a command that has a result fail. */
  failWith: (error: unknown) => void;
  /** The connection settings from the environment or profile; `given` takes precedence over both. */
  connect: (given?: Partial<ConnectionFlagValues>, password?: Secret) => Promise<ConnectionSettings>;
}

/** One hyperctl command; `words` are the arguments after its name. */
export type HyperctlWork = (words: readonly string[], host: HyperctlHost) => Promise<void>;

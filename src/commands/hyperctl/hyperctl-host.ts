import type { Secret } from '../../base/text/secret.ts';
import type { ConnectionFlagValues } from '../../cli/connection-flags.ts';
import type { OwnProgram } from '../../operations/detach/types.ts';
import type { ConnectionSettings } from '../../vsphere/connection/connection-settings.ts';

/** What the commands of hyperctl need of the one command of ours that they stand behind. */
export interface HyperctlHost {
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  version: string;
  program: OwnProgram;
  /** Lines of the result. */
  print: (lines: readonly string[]) => void;
  /** A line for people on standard error. */
  say: (text: string) => void;
  warn: (message: string) => void;
  /** Ends badly although there is a result. */
  failWith: (error: unknown) => void;
  /** The server of the environment or profile; what is given here comes before them. */
  connect: (given?: Partial<ConnectionFlagValues>, password?: Secret) => Promise<ConnectionSettings>;
}

/** One command, with the words behind its name. */
export type HyperctlWork = (words: readonly string[], host: HyperctlHost) => Promise<void>;

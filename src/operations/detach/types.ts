import type { Secret } from '../../base/text/secret.ts';

/** Names the descriptor of the handover in the environment of a detached process, which removes it there. */
export const HANDOVER_VARIABLE = 'HYPER2KVM_HANDOVER';

/** The program that runs here, to be run again: its file, and the words that come before its own. */
export interface OwnProgram {
  file: string;
  args: readonly string[];
}

/** A job that runs in a process of its own. */
export interface DetachedJob {
  job: string;
  pid: number;
  /** The file with its output. */
  log: string;
}

/** What a detached process gets through a pipe and not by its command line, where every user of the host could read it. */
export interface Handed {
  id: string;
  log: string;
  password: Secret;
  vms: string[];
}

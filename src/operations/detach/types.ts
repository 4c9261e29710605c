import type { Secret } from '../../base/text/secret.ts';

/** The environment variable that holds the file descriptor of the handover. The detached process removes it. */
export const HANDOVER_VARIABLE = 'HYPER2KVM_HANDOVER';

/** The command to run this program again: its file, and the arguments that precede the command's own. */
export interface OwnProgram {
  file: string;
  args: readonly string[];
}

/** A job that runs in its own process. */
export interface DetachedJob {
  job: string;
  pid: number;
  /** The file with its output. */
  log: string;
}

/** Data that a detached process receives through a pipe, because every user of the host can read command lines. */
export interface Handed {
  id: string;
  log: string;
  password: Secret;
  vms: string[];
}

import type { ScreenEvent } from './export-progress.ts';

/** The values of `--progress`. */
export const PROGRESS_CHOICES = ['auto', 'plain', 'none', 'json'] as const;
export type ProgressChoice = (typeof PROGRESS_CHOICES)[number];

/** Shows a running export or conversion to the user. A screen writes only to its stream. */
export interface ExportScreen {
  /** True if the screen prints the error of a VM when it fails. Otherwise, the end of the command reports it. */
  readonly showsErrors: boolean;
  /** Processes the next event. Never throws and never waits. */
  onEvent(event: ScreenEvent): void;
  /** Shows a line that is not an event, such as the notice that a signal was received. */
  note(text: string): void;
  /** Ends the screen and releases the terminal. May be called more than once. No event may follow. */
  stop(): Promise<void>;
}

/** The part of standard error that a screen needs; tests supply a substitute. */
export interface ScreenStream extends NodeJS.WritableStream {
  isTTY?: boolean;
  columns?: number;
  rows?: number;
}

export interface ScreenOptions {
  stream: ScreenStream;
  env: NodeJS.ProcessEnv;
  quiet: boolean;
  /** `auto` unless given. */
  progress?: ProgressChoice;
  /** Several concurrent VMs: each has one line instead of its own list. */
  isFleet?: boolean;
  /** Milliseconds since the epoch. */
  now?: () => number;
}

import type { ScreenEvent } from './export-progress.ts';

/** Shows a running export or conversion to people. All screens write to one stream and to nothing else. */
export interface ExportScreen {
  /** Takes the next event. Never throws, and never waits. */
  onEvent(event: ScreenEvent): void;
  /** Shows a line that is no event, such as the word that a signal has come. */
  note(text: string): void;
  /** Ends the screen and gives the terminal back. May be called again. No event may follow. */
  stop(): Promise<void>;
}

/** What a screen needs of standard error, or of a test's stand-in. */
export interface ScreenStream extends NodeJS.WritableStream {
  isTTY?: boolean;
  columns?: number;
  rows?: number;
}

export interface ScreenOptions {
  stream: ScreenStream;
  env: NodeJS.ProcessEnv;
  quiet: boolean;
  /** Several VMs at once: each has a line, and none a list of its own. */
  isFleet?: boolean;
  /** Milliseconds since the epoch. */
  now?: () => number;
}

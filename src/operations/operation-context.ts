/** The context that every operation receives besides its options. */
export interface OperationContext<Event> {
  /**
   * Aborted with an `InterruptedError` when the program is to end. The operation cleans up first and rejects with
   * that reason.
   */
  signal: AbortSignal;
  /** Receives events as they happen; must not throw. */
  report: (event: Event) => void;
}

/** Something that did not stop the operation but that the user should know. */
export interface WarningEvent {
  type: 'warning';
  message: string;
}

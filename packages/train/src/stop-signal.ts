/**
 * As much of an `AbortSignal` as training looks at: naming that type would ask every user's project
 * for the browser's or Node's declarations.
 */
export interface StopSignal {
  /** Whether to stop. */
  readonly aborted: boolean;
  /** The reason that `throwIfAborted` throws. */
  readonly reason: unknown;
  /** Throws the reason if `aborted`. */
  throwIfAborted(): void;
}

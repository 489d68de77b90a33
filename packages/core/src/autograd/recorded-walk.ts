/** Looks on while a tape is walked with `createGraph`: see tape.ts. */
export interface RecordedWalk {
  /** The tape that is walked. */
  readonly tape: object;
  /** The numbers of a tensor are about to be read, past all operations. */
  reads(name: string, tensor: object): void;
}

/** The one that runs now; usually there is none, and asking is all that it costs. */
export let recordedWalk: RecordedWalk | null = null;

/** @returns The one that ran before. */
export function setRecordedWalk(next: RecordedWalk | null): RecordedWalk | null {
  const before = recordedWalk;
  recordedWalk = next;
  return before;
}

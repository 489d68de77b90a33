/** Whether the binaries are missing or older than their sources. */
export function isStale(): boolean;
/** Makes the binaries if they are stale, whatever other processes do at the same time. */
export function build(): Promise<void>;

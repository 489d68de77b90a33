/** The signals that end a process which does not listen, and that people and systems send for it. */
export const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

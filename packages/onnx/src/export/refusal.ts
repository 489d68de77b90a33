import { ConfigError } from '@unfold/core';

/** @returns The error of what can't be exported. */
export const refusal = (what: string, mend = ''): ConfigError =>
  new ConfigError(`exportOnnx: ${what}${mend && `; ${mend}`}`);

/** @returns The error of what isn't as an export wants it. */
export const unexpected = (expected: string, got: string, mend?: string): ConfigError =>
  refusal(`expected ${expected}, got ${got}`, mend);

/** The system's word for what went wrong, such as `ENOENT`; undefined for an error that has none. */
export function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

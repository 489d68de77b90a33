import { files } from '#files';

/**
 * Has `cleanup` called where the process ends: by itself, by an error that nobody caught, or by one of
 * `SIGNALS`. Where somebody else listens to a signal, they decide what it does, and it ends nothing by
 * itself. A page has no such end: there nothing is called.
 * @param cleanup May not wait for anything.
 * @returns What takes the request back. May be called again.
 */
export function atEnd(cleanup: () => void): () => void {
  return files?.atEnd(cleanup) ?? (() => {});
}

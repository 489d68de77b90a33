/**
 * The same items, of which the next `count` are asked for before they are wanted: those that take their
 * time are on the way then. What is thrown in asking for one is thrown where that would come.
 * @param discard Lets go of an item that nobody will take, as the loop was left.
 */
export function* lookAhead<T extends object>(
  items: IterableIterator<T>,
  count: number,
  discard: (item: T) => void,
): IterableIterator<T> {
  const begun: T[] = [];
  let failure: { readonly error: unknown } | null = null;
  let isOver = false;
  try {
    while (true) {
      while (!isOver && begun.length <= count) {
        try {
          const next = items.next();
          if (next.done) isOver = true;
          else begun.push(next.value);
        } catch (error) {
          failure = { error };
          isOver = true;
        }
      }
      const item = begun.shift();
      if (item === undefined) break;
      yield item;
    }
    if (failure) throw failure.error;
  } finally {
    for (const item of begun) discard(item);
    items.return?.();
  }
}

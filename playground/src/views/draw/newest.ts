/**
 * Makes requests one at a time: while one is answered, the newest of those that come waits, and those
 * before it are forgotten.
 */
export function newestOnly<T>(answer: (request: T) => Promise<void>): (request: T) => void {
  let waiting: { readonly request: T } | null = null;
  let isBusy = false;
  const work = async (): Promise<void> => {
    isBusy = true;
    try {
      while (waiting) {
        const { request } = waiting;
        waiting = null;
        await answer(request);
      }
    } finally {
      isBusy = false;
    }
  };
  return (request) => {
    waiting = { request };
    if (!isBusy) void work();
  };
}

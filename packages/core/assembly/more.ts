/*
 * The way to the second binary: the first place of this one's table of functions is for its `runPart`.
 * The main thread puts it there before the first call; a worker, which hears nothing while it serves,
 * when it meets a kernel that isn't here.
 */

/** Given by JavaScript: puts the second binary's `runPart` into the table, if nobody has. */
declare function loadMore(): void;

const PLACE: u32 = 0;

let isLoaded = false;

/** Does a part of a kernel of the second binary; without one, it traps. */
export function runMore(kernel: i32, block: usize, part: i32, scratch: usize): void {
  if (!isLoaded) {
    loadMore();
    isLoaded = true;
  }
  call_indirect<void>(PLACE, kernel, block, part, scratch);
}

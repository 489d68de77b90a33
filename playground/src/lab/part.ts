import { LAB_TEXTS } from '../texts/lab.js';

/** Milliseconds before each further try: a network is often gone for a moment only. */
const WAITS = [200, 1000];

/**
 * A part of the worker that is loaded when it is first wanted.
 * @param load An `import()` of it.
 * @throws Error with a text for people if it can't be had. A later call tries again.
 */
export async function part<Part>(load: () => Promise<Part>): Promise<Part> {
  let fault: unknown;
  for (const wait of [0, ...WAITS]) {
    if (fault !== undefined) await new Promise((resolve) => setTimeout(resolve, wait));
    try {
      return await (fault === undefined ? load() : loadAgain(load, fault));
    } catch (error) {
      fault = error;
    }
  }
  throw new Error(LAB_TEXTS.noPart, { cause: fault });
}

/** Counts the tries, over all calls: an address that failed once is not used again. */
let tries = 0;

/**
 * Firefox remembers that a script of an address failed, and doesn't ask for it again; its message has the address,
 * so that another one can be made of it. Others ask again, and some don't say the address.
 */
async function loadAgain<Part>(load: () => Promise<Part>, fault: unknown): Promise<Part> {
  try {
    return await load();
  } catch (error) {
    const [address] = /https?:\/\/[^\s?]+\.js/.exec(String(fault)) ?? [];
    if (address === undefined) throw error;
    // What it imports itself is shared with the rest of the worker.
    const loaded: Part = await import(/* @vite-ignore */ `${address}?again=${++tries}`);
    return loaded;
  }
}

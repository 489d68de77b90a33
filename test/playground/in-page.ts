/*
 * What a test does inside the page, in engines that are driven by an expression alone. These functions are sent as
 * text: they use nothing from outside themselves.
 */

export interface Trained {
  /** On the test digits, in %, when it was paused. */
  readonly reached: number;
  /** After the pause, likewise: a few steps later. */
  readonly validation: number;
  readonly steps: number;
  /** How long the page's thread was busy without a pause, at worst, in milliseconds. */
  readonly longestGap: number;
  readonly faults: readonly string[];
}

export interface TakenAlong extends Trained {
  readonly files: Readonly<Record<string, readonly number[]>>;
}

/** Starts training by the button, and pauses when so many per cent of the test digits are read right. */
async function train(goal: number): Promise<Trained> {
  const faults: string[] = [];
  addEventListener('error', ({ message }) => faults.push(message));
  addEventListener('unhandledrejection', ({ reason }) => faults.push(String(reason)));
  const until = async <T>(what: string, find: () => T | null | false): Promise<T> => {
    for (const start = performance.now(); ; await new Promise((done) => setTimeout(done, 20))) {
      const found = find();
      if (found !== null && found !== false) return found;
      if (performance.now() - start > 100_000) {
        throw new Error(`waited for ${what}: ${document.body.innerText.slice(0, 500)}`);
      }
    }
  };
  const figure = (name: string): number =>
    Number.parseFloat(
      document.querySelector(`.run-${name} dd`)?.textContent?.replaceAll(/[^\d.]/g, '') ?? '',
    );
  const toggle = await until('the button', () =>
    document.querySelector<HTMLElement>('.run-toggle[aria-disabled="false"]'),
  );
  toggle.click();
  await until('a first step', () => figure('step') > 0);
  let longestGap = 0;
  let isOver = false;
  const channel = new MessageChannel();
  let last = performance.now();
  channel.port1.addEventListener('message', () => {
    const now = performance.now();
    longestGap = Math.max(longestGap, now - last);
    last = now;
    if (!isOver) channel.port2.postMessage(null);
  });
  channel.port1.start();
  channel.port2.postMessage(null);
  const reached = await until(`${goal} %`, () => {
    const validation = figure('validation');
    return validation >= goal && validation;
  });
  isOver = true;
  toggle.click();
  // It is told when the last step's network was validated, too.
  await until(
    'the pause',
    () =>
      document.querySelector('[role="status"]')?.textContent?.startsWith('Paused after') === true,
  );
  return { reached, validation: figure('validation'), steps: figure('step'), longestGap, faults };
}

/** Takes the weights and the model along by the buttons of their view. @returns The bytes of each file, by its ending. */
async function takeAlong(): Promise<Readonly<Record<string, readonly number[]>>> {
  const files: Record<string, readonly number[]> = {};
  const blobs = new Map<string, Blob>();
  const { createObjectURL } = URL;
  URL.createObjectURL = (blob) => {
    const address = createObjectURL.call(URL, blob);
    if (blob instanceof Blob) blobs.set(address, blob);
    return address;
  };
  // What a click on a link with a name would save.
  HTMLAnchorElement.prototype.click = function () {
    const blob = blobs.get(this.href);
    const ending = this.download.split('.').at(-1);
    if (!blob || ending === undefined) return;
    void blob.arrayBuffer().then((bytes) => {
      files[ending] = Array.from(new Uint8Array(bytes));
    });
  };
  const wait = (): Promise<void> => new Promise((done) => setTimeout(done, 20));
  location.hash = '#/take';
  const start = performance.now();
  while (!document.querySelector('.take-file button')) await wait();
  for (const button of document.querySelectorAll<HTMLElement>('.take-file button')) button.click();
  while (Object.keys(files).length < 2) {
    if (performance.now() - start > 60_000) throw new Error(document.body.innerText.slice(0, 2000));
    await wait();
  }
  return files;
}

/** Trains by the button, asks the host for `told` when a fault is said, and tries again. @returns What was said. */
async function trainAfterFault(): Promise<string> {
  const until = async <T>(find: () => T | null | undefined | false): Promise<T> => {
    for (const start = performance.now(); ; await new Promise((done) => setTimeout(done, 20))) {
      const found = find();
      if (found !== null && found !== undefined && found !== false) return found;
      if (performance.now() - start > 60_000)
        throw new Error(document.body.innerText.slice(0, 500));
    }
  };
  const toggle = await until(() =>
    document.querySelector<HTMLElement>('.run-toggle[aria-disabled="false"]'),
  );
  const status = (): string => document.querySelector('.run-status')?.textContent ?? '';
  toggle.click();
  const said = await until(() => status().includes(': ') && status());
  await fetch('told');
  toggle.click();
  await until(
    () => Number.parseFloat(document.querySelector('.run-step dd')?.textContent ?? '') > 0,
  );
  return said;
}

/** An expression that trains although a part of the worker is missing at first, for any browser. */
export const trainingAfterFault = (): string => `(${String(trainAfterFault)})()`;

/** An expression that trains and takes along what came of it, for any browser. */
export const training = (goal: number): string =>
  `(async () => { const trained = await (${String(train)})(${goal});` +
  ` return { ...trained, files: await (${String(takeAlong)})() }; })()`;

import { ConfigError, type OptionRules, Tensor } from '@unfold/core';
import { checkOption, checkOptions, count, functionRule, valueText } from '@unfold/core/internal';
import { AppendFile } from './append-file.js';
import { encodeEvent, type Event, type SummaryValue } from './event.js';
import { eventFileIn } from './event-file.js';
import { histogramOf } from './histogram.js';
import { encodeImage, type ImagePixels } from './image.js';
import { frameRecord } from './records.js';

/** Options of `SummaryWriter`. */
export interface SummaryWriterOptions {
  /**
   * The first step that is to come. TensorBoard forgets what older files of the folder hold for this
   * step and later ones, as is right for a run that goes on from an older state. Default null: it
   * forgets nothing.
   */
  readonly purgeStep?: number | null;
  /** Seconds that something written may wait before it goes to the file. Default 2. */
  readonly flushSeconds?: number;
  /** Milliseconds since 1970, for the file's name and the times of events. Default `Date.now`. */
  readonly now?: () => number;
}

const OPTIONS: OptionRules<SummaryWriterOptions> = {
  purgeStep: {
    expected: `null or ${count.expected}`,
    accepts: (value) => value === null || count.accepts(value),
  },
  flushSeconds: {
    expected: 'a number from 0 to 3600',
    accepts: (value) => typeof value === 'number' && value >= 0 && value <= 3600,
  },
  now: functionRule,
};

/**
 * Writes what TensorBoard shows, as `torch.utils.tensorboard.SummaryWriter` does: into one new event file,
 * `events.out.tfevents.…`, in a folder that is one run's.
 *
 * The `add…` methods only encode; the file is written in the background, every two seconds or 64 KiB.
 * When that fails, the next call of any method throws what went wrong. A loop that never waits for
 * anything has to `await flush()` now and then.
 *
 * ```ts
 * const writer = new SummaryWriter('runs/first');
 * for (let step = 1; step <= 100; step++) writer.addScalar('loss', 1 / step, step);
 * await writer.close();
 * ```
 *
 * A tag is a name such as `weights/conv1.weight`; TensorBoard groups them by what stands before the
 * first slash. A step is an integer of at least 0.
 */
export class SummaryWriter {
  /** The event file. */
  readonly file: string;
  readonly #out: AppendFile;
  readonly #now: () => number;

  /**
   * @param dir The run's folder. It is made if it is missing.
   * @throws ConfigError if a file cannot be made there, or for an option out of range.
   */
  constructor(dir: string, options: SummaryWriterOptions = {}) {
    if (dir === '') throw new ConfigError('SummaryWriter: expected a folder, got an empty path');
    if (typeof dir !== 'string') {
      throw new ConfigError(`SummaryWriter: expected a folder's path, got ${valueText(dir)}`);
    }
    checkOptions('SummaryWriter', options, OPTIONS);
    const { purgeStep = null, flushSeconds = 2, now = Date.now } = options;
    this.#now = now;
    this.file = eventFileIn(dir, now() / 1000);
    this.#out = new AppendFile(this.file, flushSeconds * 1000);
    this.#write(0, { kind: 'version', writer: '@unfold/monitor' });
    if (purgeStep !== null) {
      // TensorBoard takes the first one of a folder for the start of its first run, which voids nothing.
      // There may be none yet, so this takes two.
      for (let i = 0; i < 2; i++) this.#write(purgeStep, { kind: 'start' });
    }
  }

  /** Bytes that are encoded and not yet written. */
  get waiting(): number {
    return this.#out.waiting;
  }

  /**
   * Adds a point to a curve, as float32. NaN and ±Infinity are written as they are, and TensorBoard
   * marks them.
   * @throws ConfigError for a bad tag or step, or if the file cannot be written.
   */
  addScalar(tag: string, value: number, step: number): void {
    const given: unknown = value;
    if (typeof given !== 'number') {
      const mend = given instanceof Tensor ? '; its item() is one' : '';
      throw new ConfigError(
        `addScalar: expected a number for value, got ${valueText(given)}${mend}`,
      );
    }
    this.#add({ tag, scalar: value }, step);
  }

  /**
   * Adds the distribution of `values`, in TensorBoard's buckets: 1e-12·1.1ⁿ and their negatives.
   * @throws ConfigError for a bad tag or step, if `values` are none or not finite, or if the file cannot
   * be written.
   */
  addHistogram(tag: string, values: ArrayLike<number>, step: number): void {
    checkPlace(tag, step);
    if (!Array.isArray(values) && (!ArrayBuffer.isView(values) || values instanceof DataView)) {
      throw new ConfigError(
        `addHistogram: expected a list of numbers, got ${valueText(values)}` +
          (values instanceof Tensor ? '; its toTypedArray() is one' : ''),
      );
    }
    this.#add({ tag, histogram: histogramOf(tag, values) }, step);
  }

  /**
   * Adds an image, as PNG.
   * @param pixels `[C, H, W]`: bytes of 0…255, or floats of 0…1, of which those outside count as the
   * nearer end.
   * @param shape `[C, H, W]`, where C is 1 (grey), 3 (RGB) or 4 (RGBA).
   * @throws ShapeError for another shape, or one that doesn't fit the pixels; ConfigError for a NaN, a
   * bad tag or step, or if the file cannot be written.
   */
  addImage(
    tag: string,
    pixels: ImagePixels,
    shape: readonly [number, number, number],
    step: number,
  ): void {
    checkPlace(tag, step);
    this.#add({ tag, image: encodeImage(tag, pixels, shape) }, step);
  }

  /**
   * Adds a text, which TensorBoard renders as Markdown.
   * @throws ConfigError for a bad tag or step, or if the file cannot be written.
   */
  addText(tag: string, text: string, step: number): void {
    if (typeof text !== 'string') {
      throw new ConfigError(`addText: expected a text, got ${valueText(text)}`);
    }
    this.#add({ tag, text }, step);
  }

  /**
   * Waits until all that was added is on the disk.
   * @throws ConfigError, with the system's reason, if it could not be written.
   */
  flush(): Promise<void> {
    return this.#out.flush();
  }

  /**
   * As `flush`, and closes the file. Nothing can be added afterwards. May be called again.
   * @throws ConfigError, with the system's reason, if something could not be written.
   */
  close(): Promise<void> {
    return this.#out.close();
  }

  #add(value: SummaryValue, step: number): void {
    checkPlace(value.tag, step);
    this.#write(step, { kind: 'summary', value });
  }

  #write(step: number, content: Event['content']): void {
    const event = encodeEvent({ wallTime: this.#now() / 1000, step, content });
    this.#out.append(frameRecord(event));
  }
}

/** @throws ConfigError for what is no tag, or no step. */
function checkPlace(tag: string, step: number): void {
  checkOption('SummaryWriter', { step: count }, 'step', step);
  if (tag === '') throw new ConfigError('SummaryWriter: expected a tag, got an empty text');
  if (typeof tag !== 'string') {
    throw new ConfigError(`SummaryWriter: expected a tag, a text, got ${valueText(tag)}`);
  }
}

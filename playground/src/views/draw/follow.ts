import { batch, computed, effect, untracked } from '@preact/signals';
import { transfer } from 'comlink';
import type { LookOptions } from '../../lab/protocol.js';
import type { Digit } from '../../spec/digits.js';
import { announce } from '../../state/announcement.js';
import { prepare } from '../../state/controls.js';
import { digit } from '../../state/digit.js';
import { type Run, runs } from '../../state/runs.js';
import { type Drawing, EMPTY, goOn, isEmpty } from './drawing.js';
import { newestOnly } from './newest.js';
import { rasterOf } from './raster.js';
import {
  type Answer,
  answer,
  areMapsSeen,
  drawing,
  explanation,
  history,
  mapped,
  occluded,
  trouble,
} from './state.js';
import { sentenceOf, troubleOf } from './words.js';

/** Milliseconds without a change after which one has stopped drawing for a moment. */
const PAUSE = { occlusion: 250, announcement: 900 };
/** The answer follows the training no more often than this, in milliseconds. */
const BETWEEN_LOOKS = 450;

/** The digit that the drawing was made into, or made from. */
let ours: Digit | null = null;
/** The drawing that it belongs to. */
let centred: Drawing | null = null;

/** Without the label, which changes nothing of what a network says. */
const pixels = computed(() => digit.value?.pixels ?? null);

/**
 * Keeps the digit at hand and the network's answer up to date while the view is shown.
 * @returns What ends it.
 */
export function follow(): () => void {
  const ends = [
    effect(prepareRun),
    effect(takeOver),
    effect(followDrawing),
    effect(followDigit),
    followTraining(),
    afterPause(PAUSE.occlusion, askForOcclusion, wantsOcclusion),
    afterPause(PAUSE.announcement, tell, () => pixels.value !== null),
  ];
  return () => ends.forEach((end) => end());
}

/** Who comes here wants answers: the network isn't left for later. */
function prepareRun(): void {
  const run = runs.value[0];
  if (run) untracked(() => void prepare(run));
}

/** A digit that came from elsewhere, such as a link or another view, is put on the drawing area. */
function takeOver(): void {
  const given = digit.value;
  if (given === ours) return;
  ours = given;
  history.value = untracked(() =>
    goOn(history.value, given ? { base: given, strokes: [] } : EMPTY),
  );
}

function followDrawing(): void {
  centreNewest({ drawing: drawing.value, run: readyRun() });
}

interface Centring {
  readonly drawing: Drawing;
  readonly run: Run | null;
}

const centreNewest = newestOnly(async ({ drawing, run }: Centring) => {
  if (drawing === centred) return;
  const { base, strokes } = drawing;
  if (isEmpty(drawing)) return setDigit(null, drawing);
  if (base && strokes.length === 0) {
    return setDigit(ours?.pixels === base.pixels ? ours : { ...base }, drawing);
  }
  if (!run) return;
  try {
    const raster = rasterOf(drawing);
    const found = await run.lab.centre(transfer(raster, [raster.grey.buffer]));
    // What changes no pixel, such as the end of a stroke, leaves the digit as it is, with its label.
    const isSame = ours?.pixels.every((level, i) => level === found[i]);
    setDigit(isSame ? ours : { pixels: found, label: null }, drawing);
  } catch (error) {
    setDigit(null, drawing);
    trouble.value = troubleOf(error);
  }
});

function setDigit(next: Digit | null, from: Drawing): void {
  batch(() => {
    trouble.value = null;
    centred = from;
    ours = next;
    digit.value = next;
  });
}

/** Says what the digit at hand shows. The drawing stays as it is. */
export function setLabel(label: number): void {
  if (digit.value && centred) setDigit({ ...digit.value, label }, centred);
}

function followDigit(): void {
  ask({
    pixels: pixels.value,
    run: readyRun(),
    options: {
      layers: areMapsSeen.value,
      explain: explanation.value === 'gradient' ? 'gradient' : 'none',
    },
  });
}

interface Asking {
  readonly pixels: Uint8Array<ArrayBuffer> | null;
  readonly run: Run | null;
  readonly options: LookOptions;
}

const ask = newestOnly(async (asking: Asking) => {
  const found = await looked(asking);
  if (found === undefined) return;
  batch(() => {
    answer.value = found;
    const isOther = mapped.value?.network !== found?.network;
    if (isOther || (found && found.look.layers.length > 0)) mapped.value = found;
  });
});

const askAside = newestOnly(async (asking: Asking) => {
  const found = await looked(asking);
  if (found !== undefined) occluded.value = found;
});

/** @returns null without a digit or a network; undefined if the answer came too late to be of use. */
async function looked({ pixels: shown, run, options }: Asking): Promise<Answer | null | undefined> {
  if (!shown || !run) return null;
  const experiment = run.experiment.peek();
  try {
    const look = await run.lab.look(shown, options);
    const isOver = pixels.peek() === null || run.experiment.peek() !== experiment;
    if (isOver || runs.peek()[0] !== run) return undefined;
    trouble.value = null;
    return { pixels: shown, run, network: experiment.network, look };
  } catch (error) {
    trouble.value = troubleOf(error);
    return null;
  }
}

/** The page's run, if its network is there to be asked. */
function readyRun(): Run | null {
  const run = runs.value[0];
  const state = run?.state.value;
  const hasNetwork = run && run.experiment.value.network.length > 0;
  return hasNetwork && (state === 'paused' || state === 'running') ? run : null;
}

/** Asks again as the weights change: at most twice a second or so while they do. */
function followTraining(): () => void {
  let lastStep = runs.peek()[0]?.progress.peek()?.step;
  let lastTime = 0;
  return effect(() => {
    const run = runs.value[0];
    const step = run?.progress.value?.step;
    const isPaused = run?.state.value === 'paused';
    const now = performance.now();
    if (step === lastStep || (!isPaused && now - lastTime < BETWEEN_LOOKS)) return;
    lastStep = step;
    lastTime = now;
    untracked(() => {
      followDigit();
      if (wantsOcclusion()) askForOcclusion();
    });
  });
}

const wantsOcclusion = (): boolean => explanation.value === 'occlusion' && pixels.value !== null;

function askForOcclusion(): void {
  askAside({
    pixels: pixels.peek(),
    run: untracked(readyRun),
    options: { layers: false, explain: 'occlusion' },
  });
}

function tell(): void {
  const said = answer.peek();
  if (said) announce(sentenceOf(said.look.probabilities));
}

/** Does something, if it is wanted, once the digit at hand hasn't changed for a while. */
function afterPause(milliseconds: number, act: () => void, isWanted: () => boolean): () => void {
  return effect(() => {
    // Each digit begins the pause anew.
    void pixels.value;
    if (!isWanted()) return undefined;
    const timer = setTimeout(act, milliseconds);
    return () => clearTimeout(timer);
  });
}

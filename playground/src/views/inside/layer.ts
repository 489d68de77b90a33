import { computed, effect, signal } from '@preact/signals';
import type { ConvolutionView } from '../../lab/protocol.js';
import type { Convolution } from '../../spec/convolution/convolution.js';
import { geometryOf } from '../../spec/convolution/geometry.js';
import { PIXELS } from '../../spec/digits.js';
import type { ConvSpec, NetworkSpec } from '../../spec/layers.js';
import { namesOf } from '../../spec/network.js';
import { digit } from '../../state/digit.js';
import { loadDigitSets } from '../../state/digit-sets.js';
import { route } from '../../state/route.js';
import { type Run, runs } from '../../state/runs.js';

/** A convolution of the network with the digit at hand. */
export type LayerAtHand =
  | { readonly state: 'none' | 'noNetwork' | 'unknown' | 'loading' }
  | { readonly state: 'failed'; readonly reason: string }
  | {
      readonly state: 'ready';
      readonly name: string;
      readonly convolution: Convolution;
      /** What the worker computed, in float32. */
      readonly view: ConvolutionView;
      /** The class that dOut is the gradient for. */
      readonly label: number;
      readonly step: number;
      /** Whether nothing is before it, so that what it reads is the normalised digit. */
      readonly isFirst: boolean;
    };

export const layerAtHand = signal<LayerAtHand>({ state: 'none' });

/** The class that the learner asks for; null for what the digit is, or is taken for. */
export const askedLabel = signal<number | null>(null);

/** The names of the network's convolutions, in order. */
export const layerNames = computed<readonly string[]>(() => {
  const network = runs.value[0]?.experiment.value.network ?? [];
  return convolutionsOf(network).map(({ name }) => name);
});

interface NamedConvolution {
  readonly name: string;
  readonly spec: ConvSpec;
  /** In the network. */
  readonly place: number;
}

function convolutionsOf(network: NetworkSpec): NamedConvolution[] {
  const names = namesOf(network);
  return network.flatMap((spec, place) =>
    spec.kind === 'conv' ? [{ name: names[place] ?? '', spec, place }] : [],
  );
}

/** Whether an address names a convolution of a network, there or not. */
export const isLayer = (what: string): boolean => /^conv[1-9]\d*$/.test(what);

/** Counts what was asked for. */
let asked = 0;

/** Asks the worker for the numbers of the layer that the address names. */
export async function readLayer(): Promise<void> {
  // Whoever asked before has gone on since, so an answer to that is not shown any more.
  const mine = ++asked;
  const { view, what } = route.peek();
  if (view !== 'inside' || !isLayer(what)) {
    layerAtHand.value = { state: 'none' };
    return;
  }
  const [run] = runs.peek();
  const state = run?.state.peek() ?? 'new';
  if (!run || state === 'new') {
    layerAtHand.value = { state: 'noNetwork' };
    return;
  }
  if (state === 'preparing') {
    layerAtHand.value = { state: 'loading' };
    return;
  }
  const before = layerAtHand.peek();
  if (before.state !== 'ready' || before.name !== what) layerAtHand.value = { state: 'loading' };
  let answer: LayerAtHand;
  try {
    answer = await ask(run, what);
  } catch (error) {
    answer = { state: 'failed', reason: error instanceof Error ? error.message : String(error) };
  }
  if (mine === asked) layerAtHand.value = answer;
}

async function ask(run: Run, name: string): Promise<LayerAtHand> {
  const { network } = run.experiment.peek();
  const found = convolutionsOf(network).find((convolution) => convolution.name === name);
  if (!found) return { state: 'unknown' };
  const { pixels, label: known } = digit.peek() ?? (await firstTestDigit());
  const label = askedLabel.peek() ?? known ?? (await likeliest(run, pixels));
  const view = await run.lab.convolution(found.place, pixels, label);
  const step = run.progress.peek()?.step ?? 0;
  const convolution = convolutionOf(found.spec, view);
  const isFirst = found.place === 0;
  return { state: 'ready', name, convolution, view, label, step, isFirst };
}

function convolutionOf(spec: ConvSpec, view: ConvolutionView): Convolution {
  const [C, H, W] = view.inputShape;
  const { stride, padding, dilation, groups, kernel: K } = spec;
  const geometry = geometryOf({
    ...{ N: 1, C, H, W, OC: spec.channels, KH: K, KW: K },
    ...{ stride, padding, dilation, groups },
  });
  return { geometry, x: view.x, weight: view.weight, bias: view.bias, dOut: view.dOut };
}

async function firstTestDigit(): Promise<{ pixels: Uint8Array; label: number | null }> {
  const { test } = await loadDigitSets();
  return { pixels: test.images.slice(0, PIXELS), label: test.labels[0] ?? null };
}

async function likeliest(run: Run, pixels: Uint8Array): Promise<number> {
  const { probabilities } = await run.lab.look(pixels, { layers: false, explain: 'none' });
  return probabilities.indexOf(Math.max(...probabilities));
}

effect(() => {
  // Whatever the numbers depend on, but the steps of training: those are read when asked for.
  const [run] = runs.value;
  const state = run?.state.value;
  const isThere = state !== undefined && state !== 'new' && state !== 'preparing';
  const reads = [route.value, digit.value, askedLabel.value, run?.experiment.value, isThere];
  if (reads.length > 0) void readLayer();
});

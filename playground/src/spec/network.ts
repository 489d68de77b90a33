import { SPEC_TEXTS } from '../texts/spec.js';
import { faultOfValue, fieldsOf, isImage, kindOf, shapeText, sizeOf } from './kinds.js';
import type { LayerShape, LayerSpec, NetworkSpec } from './layers.js';

/** What goes into every network: one channel, 28 rows, 28 columns. */
export const INPUT_SHAPE: LayerShape = [1, 28, 28];
export const CLASSES = 10;

/**
 * The bounds of what the page trains. A batch of 256 images keeps at most half a gigabyte of outputs with
 * these, and a step takes seconds, not minutes.
 */
export const LIMITS = {
  layers: 32,
  parameters: 4_000_000,
  /** Of the outputs of all layers, for one image. */
  values: 500_000,
  /** Of all layers, for one image. */
  macs: 100_000_000,
} as const;

export interface LayerReport {
  /** The layer's name in the network, `conv1`. */
  readonly name: string;
  /** Null behind a layer that can't be. */
  readonly input: LayerShape | null;
  readonly output: LayerShape | null;
  readonly parameters: number;
  /** Multiplications that are added up, for one image. */
  readonly macs: number;
}

export interface NetworkFault {
  /** The layer's place; null if it is of the network as a whole. */
  readonly layer: number | null;
  /** A sentence for people. */
  readonly reason: string;
}

export interface NetworkReport {
  readonly layers: readonly LayerReport[];
  /** The first one, from the front; null if the network can be trained. */
  readonly fault: NetworkFault | null;
  /** In all layers together, up to the first fault. */
  readonly parameters: number;
  readonly macs: number;
}

const { faults } = SPEC_TEXTS;

/** What becomes of a digit in a network, what that costs, and why it can't be, if it can't. */
export function inspectNetwork(network: NetworkSpec): NetworkReport {
  const names = namesOf(network);
  const layers: LayerReport[] = [];
  const total = { parameters: 0, values: 0, macs: 0 };
  let shape: LayerShape | null = INPUT_SHAPE;
  let fault: NetworkFault | null = null;
  for (const [at, layer] of network.entries()) {
    const found: Passage | string | null = shape === null ? null : passageOf(layer, shape);
    const passage: Passage | null = typeof found === 'string' ? null : found;
    if (typeof found === 'string') fault ??= { layer: at, reason: found };
    const output: LayerShape | null = passage?.output ?? null;
    const { parameters, macs } = passage ?? { parameters: 0, macs: 0 };
    layers.push({ name: names[at] ?? '', input: shape, output, parameters, macs });
    if (output) {
      total.parameters += parameters;
      total.macs += macs;
      total.values += sizeOf(output);
      const reason = faultOfSize(at + 1, total);
      if (reason !== null) fault ??= { layer: at, reason };
    }
    shape = output;
  }
  const reason = shape === null ? null : faultOfOutput(network, shape);
  if (reason !== null)
    fault ??= { layer: network.length === 0 ? null : network.length - 1, reason };
  return { layers, fault, parameters: total.parameters, macs: total.macs };
}

interface Passage {
  readonly output: LayerShape;
  readonly parameters: number;
  readonly macs: number;
}

/** What a layer makes of a shape, or a sentence why it can't. */
function passageOf(layer: LayerSpec, input: LayerShape): Passage | string {
  for (const field of fieldsOf(layer)) {
    const fault = faultOfValue(field);
    if (fault !== null) return fault;
  }
  const kind = kindOf(layer.kind);
  const output = kind.output(layer, input);
  if (typeof output === 'string') return output;
  return {
    output,
    parameters: kind.parameters(layer, input),
    macs: kind.macs(layer, input, output),
  };
}

function faultOfSize(
  layers: number,
  { parameters, values, macs }: { parameters: number; values: number; macs: number },
): string | null {
  if (layers > LIMITS.layers) return faults.tooManyLayers(LIMITS.layers);
  if (parameters > LIMITS.parameters) {
    return faults.tooManyParameters(grouped(parameters), grouped(LIMITS.parameters));
  }
  if (values > LIMITS.values) return faults.tooManyValues(grouped(values), grouped(LIMITS.values));
  if (macs > LIMITS.macs) return faults.tooManyMacs(grouped(macs), grouped(LIMITS.macs));
  return null;
}

function faultOfOutput(network: NetworkSpec, shape: LayerShape): string | null {
  if (network.length === 0) return faults.isEmpty;
  if (isImage(shape)) return faults.notFlat(shapeText(shape));
  return shape[0] === CLASSES ? null : faults.notTen(shape[0]);
}

/** 1,199,882 */
const grouped = (count: number): string => count.toLocaleString('en');

/**
 * The names of the layers, as parameters carry them: `conv1`, `norm1`, `conv2`, … A lone linear layer is
 * `fc`, several are `fc1`, `fc2`. So the presets' parameters are called as those of `MODELS` of
 * `@unfold/train`, and files of weights fit both.
 */
export function namesOf(network: NetworkSpec): string[] {
  const stems = network.map(({ kind }) => kindOf(kind).stem);
  const seen = new Map<string, number>();
  return network.map(({ kind }) => {
    const { stem, isAlwaysNumbered } = kindOf(kind);
    const number = (seen.get(stem) ?? 0) + 1;
    seen.set(stem, number);
    const isLone = stems.indexOf(stem) === stems.lastIndexOf(stem);
    return isLone && !isAlwaysNumbered ? stem : `${stem}${number}`;
  });
}

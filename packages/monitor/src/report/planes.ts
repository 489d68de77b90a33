import { elementsOf, Scope, Tensor } from '@unfold/core';
import { requireTensor } from '@unfold/core/internal';
import { Conv2d, evaluationMode, type ForwardCall, type Layer, watchForward } from '@unfold/nn';
import { requireModel } from '@unfold/train/internal';

/** Planes of numbers to be looked at: a layer's filters, or its feature maps. */
export interface Planes {
  /** The layer's place, as in the names of its parameters: `features.0`. */
  readonly path: string;
  /** The name of its class. */
  readonly layer: string;
  /** How many filters or maps the layer has; of many, only the first are here. */
  readonly total: number;
  /** Filters `[count, C, KH, KW]`, feature maps `[count, 1, H, W]`. */
  readonly shape: readonly [number, number, number, number];
  /** Row-major. */
  readonly values: Float32Array;
}

/** What is more than this is for the eye no better than less. */
const MOST_FILTERS = 64;
const MOST_MAPS = 32;
const MOST_LAYERS = 4;

/**
 * The weights of the convolution that is called first, up to 64 filters; null if the model calls no
 * `Conv2d`. The model runs once, in evaluation mode, and is as before afterwards.
 * @param image What the model takes: `[1, C, H, W]`.
 * @throws ConfigError or DTypeError for what is no model or no tensor; what the model throws for such an
 * input.
 */
export function firstLayerFilters(model: Layer, image: Tensor): Planes | null {
  requireArguments('firstLayerFilters', model, image);
  let found: Planes | null = null;
  watchOnce(model, image, ({ module, path }) => {
    if (found || !(module instanceof Conv2d)) return;
    const [total = 0, c = 0, kh = 0, kw = 0] = module.weight.shape;
    const count = Math.min(total, MOST_FILTERS);
    const values = Float32Array.from(elementsOf(module.weight).subarray(0, count * c * kh * kw));
    found = { path, layer: module.constructor.name, total, shape: [count, c, kh, kw], values };
  });
  return found;
}

/**
 * Gives the feature maps of an image in the first layers: of each up to 32, of four layers at most.
 * Layers are modules without modules inside, whose output is `[1, C, H, W]` with more than one pixel;
 * what the model calls as a function shows in the layer behind. The model runs once, in evaluation
 * mode, and is as before afterwards.
 * @param image What the model takes: `[1, C, H, W]`.
 * @throws ConfigError or DTypeError for what is no model or no tensor; what the model throws for such an
 * input.
 */
export function featureMaps(model: Layer, image: Tensor): Planes[] {
  requireArguments('featureMaps', model, image);
  const layers: Planes[] = [];
  // A layer that gives what it was given, as dropout does in evaluation mode, shows nothing new.
  const seen = new Set<unknown>([image]);
  watchOnce(model, image, ({ module, path, output }) => {
    if (layers.length === MOST_LAYERS || seen.has(output) || !(output instanceof Tensor)) return;
    if ([...module.namedChildren()].length > 0) return;
    const [n, total = 0, h = 0, w = 0] = output.shape;
    if (output.ndim !== 4 || n !== 1 || h * w < 2) return;
    seen.add(output);
    const count = Math.min(total, MOST_MAPS);
    const values = Float32Array.from(elementsOf(output).subarray(0, count * h * w));
    layers.push({ path, layer: module.constructor.name, total, shape: [count, 1, h, w], values });
  });
  return layers;
}

function requireArguments(where: string, model: unknown, image: unknown): void {
  requireModel(where, model);
  requireTensor(where, 'image', image);
}

/** Runs the model once on `image`, and frees what that made. */
function watchOnce(model: Layer, image: Tensor, report: (call: ForwardCall) => void): void {
  const restoreModes = evaluationMode(model);
  try {
    Scope.run(() => {
      watchForward(model, report, () => void model.forward(image));
    });
  } finally {
    restoreModes();
  }
}

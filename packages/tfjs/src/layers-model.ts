import type { OptionRules } from '@unfold/core';
import { checkedInUse, checkOptions } from '@unfold/core/internal';
import { completeLimits, filesFor, requireFile } from '@unfold/io/internal';
import { buildModel } from './layers-model/build.js';
import { TFJS_LIMITS, type TfjsLimits } from './layers-model/limits.js';
import { groupsOf } from './layers-model/manifest.js';
import { readModelJson } from './layers-model/model-json.js';
import { TfjsLayersModel } from './layers-model/model.js';
import { readShards } from './layers-model/shards.js';
import { layersOf } from './layers-model/topology.js';
import { SavedWeights } from './layers-model/weights.js';

/** Options of `loadTfjsLayersModel`. */
export interface LoadTfjsOptions {
  /**
   * How much a model may take. Defaults: 16 MiB of model.json (`maxHeaderBytes`), 100,000 weights
   * (`maxTensors`), 2 GiB of them once unpacked (`maxBytes`).
   */
  readonly limits?: Partial<TfjsLimits>;
}

const OPTIONS: OptionRules<LoadTfjsOptions> = { limits: checkedInUse };

const INSTEAD =
  'load it in Node, keep its weights by saveWeights, fetch those bytes, and give them to ' +
  'decodeSafetensors';

/**
 * Loads a layers model of TensorFlow.js, as `model.save()` and `tensorflowjs_converter` write it,
 * into a module, in evaluation form, that makes the same predictions. TensorFlow.js itself is not
 * needed.
 *
 * The module takes images as NCHW, also where TensorFlow.js took NHWC, and gives images as NCHW;
 * every other tensor is the same in both. Weights are rearranged once, here, so that a Dense after
 * Flatten sees its inputs in the order of NCHW.
 *
 * The model is sequential, or functional where its layers form a chain; models may lie in it.
 * Weights may be quantised and lie in several files. docs/tfjs-models.md lists the layers.
 * @param modelFile The path of the model.json; the weights lie beside it.
 * @throws FileFormatError that names the file, the layer or tensor, and the mend: for a damaged or
 * missing file, weights that don't fit, a layer or activation that Unfold does not have, a model
 * that is no chain, more than the limits say. ConfigError if `modelFile` cannot be read, for an unknown
 * option or limit, or in a browser.
 */
export async function loadTfjsLayersModel(
  modelFile: string,
  options: LoadTfjsOptions = {},
): Promise<TfjsLayersModel> {
  requireFile('loadTfjsLayersModel', modelFile);
  checkOptions('loadTfjsLayersModel', options, OPTIONS);
  const limits = completeLimits('loadTfjsLayersModel', TFJS_LIMITS, options.limits);
  const files = filesFor('loadTfjsLayersModel', INSTEAD);
  const { topology, manifest } = await readModelJson(files, modelFile, limits);
  const layers = layersOf(topology, modelFile);
  const stored = await readShards(files, groupsOf(manifest, limits, modelFile), modelFile);
  const model = buildModel(layers, new SavedWeights(modelFile, stored), modelFile);
  return new TfjsLayersModel(model).eval();
}

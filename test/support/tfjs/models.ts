import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Generator } from '@unfold/core';

export interface TfTensor {
  readonly shape: number[];
  dataSync(): Float32Array;
}

/** A symbolic tensor of the functional API. */
export type TfNode = object;

export interface TfLayer {
  apply(input: TfNode): TfNode;
}

export interface TfModel extends TfLayer {
  getWeights(): TfTensor[];
  setWeights(weights: TfTensor[]): void;
  predict(x: TfTensor): TfTensor;
  compile(options: object): void;
  fit(x: TfTensor, y: TfTensor, options: object): Promise<unknown>;
  save(handler: object, options?: object): Promise<unknown>;
}

type LayerName =
  | 'activation'
  | 'alphaDropout'
  | 'conv2d'
  | 'conv2dTranspose'
  | 'dense'
  | 'depthwiseConv2d'
  | 'dropout'
  | 'flatten'
  | 'gaussianDropout'
  | 'gaussianNoise'
  | 'inputLayer'
  | 'leakyReLU'
  | 'lstm'
  | 'maxPooling2d'
  | 'reLU'
  | 'reshape'
  | 'softmax'
  | 'zeroPadding2d';

/** What is handed to a save handler, as far as the tests need it. */
export interface Artifacts {
  readonly modelTopology: object;
  readonly weightSpecs: readonly Readonly<Record<string, unknown>>[];
  readonly weightData: ArrayBuffer;
}

/** As much of TensorFlow.js as the tests need. Its types need the browser's. */
export interface TensorFlow {
  readonly layers: Record<LayerName, (options?: object) => TfLayer> & {
    add(): { apply(inputs: TfNode[]): TfNode };
  };
  sequential(options: { layers: TfLayer[]; name?: string }): TfModel;
  model(options: { inputs: TfNode; outputs: TfNode }): TfModel;
  input(options: { shape: (number | null)[] }): TfNode;
  tensor(values: Float32Array, shape: number[]): TfTensor;
  tidy<T>(run: () => T): T;
  env(): { set(flag: string, value: boolean): void };
  loadLayersModel(handler: object): Promise<TfModel>;
  readonly io: { withSaveHandler(save: (artifacts: Artifacts) => Promise<unknown>): object };
}

export const tf: TensorFlow = createRequire(import.meta.url)('@tensorflow/tfjs');
tf.env().set('PROD', true); // Keeps the cpu backend's greeting off the console.

/** `size` normal numbers, the same for the same seed. */
export function normals(size: number, seed: number): Float32Array {
  const source = new Generator(seed);
  return Float32Array.from({ length: size }, () => source.normal());
}

/** Gives all weights of the model, biases too, random values. */
export function randomise(model: TfModel, seed: number): void {
  const weights = model.getWeights().map(({ shape }, index) => {
    const size = shape.reduce((a, b) => a * b, 1);
    const fanIn = shape.slice(0, -1).reduce((a, b) => a * b, 1);
    const values = normals(size, seed + index).map((value) => value / Math.sqrt(fanIn));
    return tf.tensor(values, shape);
  });
  model.setWeights(weights);
}

export interface SaveOptions {
  /** Bytes of a file of weights. Default: all in one. */
  readonly shardBytes?: number;
  /** Changes the model.json before it is written. */
  readonly edit?: (modelJson: Record<string, unknown>) => void;
  readonly includeOptimizer?: boolean;
}

/** Saves a model as TensorFlow.js does in Node. @returns The path of the model.json. */
export async function saveModel(
  model: TfModel,
  folder: string,
  { shardBytes = Infinity, edit, includeOptimizer = false }: SaveOptions = {},
): Promise<string> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'model.json');
  const handler = tf.io.withSaveHandler(async ({ modelTopology, weightSpecs, weightData }) => {
    const bytes = Buffer.from(weightData);
    const paths: string[] = [];
    for (let start = 0; start === 0 || start < bytes.length; start += shardBytes) {
      const path = `group1-shard${paths.length + 1}.bin`;
      await writeFile(join(folder, path), bytes.subarray(start, start + shardBytes));
      paths.push(path);
    }
    const modelJson = {
      format: 'layers-model',
      modelTopology,
      weightsManifest: [{ paths, weights: weightSpecs }],
    };
    edit?.(modelJson);
    await writeFile(file, JSON.stringify(modelJson));
    return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
  });
  await model.save(handler, { includeOptimizer });
  return file;
}

/** Loads the model.json of `folder` and its weights with TensorFlow.js. */
export async function loadModel(folder: string): Promise<TfModel> {
  const model = JSON.parse(await readFile(join(folder, 'model.json'), 'utf8')) as {
    modelTopology: object;
    weightsManifest: { paths: string[]; weights: object[] }[];
  };
  const paths = model.weightsManifest.flatMap((group) => group.paths);
  const shards = await Promise.all(paths.map((path) => readFile(join(folder, path))));
  const artifacts = {
    modelTopology: model.modelTopology,
    weightSpecs: model.weightsManifest.flatMap((group) => group.weights),
    weightData: new Uint8Array(Buffer.concat(shards)).buffer,
  };
  return tf.loadLayersModel({ load: () => Promise.resolve(artifacts) });
}

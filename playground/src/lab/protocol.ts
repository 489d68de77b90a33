import type { Experiment } from '../spec/experiment.js';
import type { LayerShape, NetworkSpec } from '../spec/layers.js';

/*
 * What the page says to its worker, and hears from it. A worker holds one run, and all that computes with
 * its weights. Arrays are handed over, not copied, where the sender has no more use for them.
 */

/** Images of 28×28 bytes, light on black, and their labels. */
export interface DigitSet {
  /** `[count, 28, 28]` */
  readonly images: Uint8Array<ArrayBuffer>;
  /** `[count]`, 0…9 */
  readonly labels: Uint8Array<ArrayBuffer>;
}

export interface DigitSets {
  readonly train: DigitSet;
  readonly test: DigitSet;
}

/** What computes. The bits of strict are the same on every machine; those of any number of threads, too. */
export interface EngineChoice {
  readonly kernels: 'wasm' | 'reference';
  readonly threads: number;
  /** Whether the step is compiled into one WebAssembly call. */
  readonly compiled: boolean;
}

export interface EngineInfo {
  /** As the engine describes itself: `wasm simd 128-bit fma · 2 threads`. */
  readonly description: string;
  readonly threads: number;
  readonly warnings: readonly string[];
}

/** What a run says of itself, some ten times a second while it trains. */
export interface Progress {
  readonly state: 'running' | 'paused';
  /** Steps done. */
  readonly step: number;
  /** Epochs done, with a fraction. */
  readonly epoch: number;
  /** The loss of each batch since the last report. */
  readonly losses: Float32Array<ArrayBuffer>;
  /** The share of right answers in each of these batches, before its step. */
  readonly accuracies: Float32Array<ArrayBuffer>;
  /** Measured over the last second or so of training; null before the first step. */
  readonly imagesPerSecond: number | null;
  /** Of the weights and buffers, eight hexadecimal digits; null while running. */
  readonly fingerprint: string | null;
  /** Why the run stopped by itself, such as a loss that is no number; null if it didn't. */
  readonly fault: string | null;
}

/** How the network does on the test digits. */
export interface Validation {
  readonly step: number;
  /** Mean cross entropy. */
  readonly loss: number;
  /** A share of 1. */
  readonly accuracy: number;
  /** `[count]`: the class that each test digit was taken for. */
  readonly predictions: Uint8Array<ArrayBuffer>;
}

/** A parameter of a layer, and the gradient that its last step was made from. */
export interface ParameterView {
  /** PyTorch's name: `conv1.weight`. */
  readonly name: string;
  /** The layer's place in the network. */
  readonly layer: number;
  readonly shape: readonly number[];
  readonly values: Float32Array<ArrayBuffer>;
  /** Of the shape of the values; null before the first step. */
  readonly gradient: Float32Array<ArrayBuffer> | null;
}

export interface LayerOutput {
  readonly layer: number;
  readonly shape: LayerShape;
  readonly values: Float32Array<ArrayBuffer>;
}

/** What the network sees in a digit. */
export interface Look {
  /** `[10]` */
  readonly probabilities: Float32Array<ArrayBuffer>;
  /** The forward pass alone. */
  readonly milliseconds: number;
  /** Each layer's output; empty unless asked for. */
  readonly layers: readonly LayerOutput[];
  /** `[28, 28]`: the gradient of the likeliest class's logit with respect to each pixel; null unless asked for. */
  readonly inputGradient: Float32Array<ArrayBuffer> | null;
  /**
   * `[28, 28]`: how much the likeliest class's probability falls when a square around the pixel is covered;
   * null unless asked for.
   */
  readonly occlusion: Float32Array<ArrayBuffer> | null;
}

export interface LookOptions {
  readonly layers: boolean;
  readonly explain: 'none' | 'gradient' | 'occlusion';
}

/** A convolution of the network with the digit at hand, forwards and backwards, batch 1. */
export interface ConvolutionView {
  /** `[C, H, W]` */
  readonly inputShape: readonly [number, number, number];
  readonly x: Float32Array<ArrayBuffer>;
  /** `[OC, C/groups, K, K]` */
  readonly weight: Float32Array<ArrayBuffer>;
  /** `[OC]`; null if it has none. */
  readonly bias: Float32Array<ArrayBuffer> | null;
  /** `[OC, OH, OW]`: the gradient of the cross entropy with the given label. */
  readonly outputShape: readonly [number, number, number];
  readonly out: Float32Array<ArrayBuffer>;
  readonly dOut: Float32Array<ArrayBuffer>;
  readonly dX: Float32Array<ArrayBuffer>;
  readonly dWeight: Float32Array<ArrayBuffer>;
}

/** The time of one training step of the experiment's network with one engine. */
export interface EngineTiming {
  readonly engine: EngineInfo;
  readonly compiled: boolean;
  readonly strict: boolean;
  /** The median of some steps. */
  readonly milliseconds: number;
  /** 2 operations a multiplication that is added up; back, each layer costs twice what it does forwards. */
  readonly gflops: number;
  /** Of the weights after a few steps, as `Progress` has it: equal ones mean equal bits. */
  readonly fingerprint: string;
}

/** What was in a file of weights. */
export interface LoadedWeights {
  /** The network that the file is of; the run has its weights now. */
  readonly network: NetworkSpec;
  /** The model's name in the file, such as `lenet-bn`. */
  readonly model: string;
}

/** The worker's side, as the page calls it; every call is answered in its turn, while training goes on. */
export interface Lab {
  /** Is answered as soon as the worker is there. */
  greet(): void;
  /** Hands over the digits: once, before all else. */
  setDigits(digits: DigitSets): void;
  /**
   * Makes a new run, at step 0, paused, and ends the one before it.
   * @throws Error with a text for people if the network can't be built.
   */
  create(experiment: Experiment, choice: EngineChoice): Promise<EngineInfo>;
  /** From now on `report` is called with what happens. */
  watch(report: (progress: Progress) => void): void;
  /** Trains until `pause`. */
  start(): void;
  pause(): Promise<void>;
  /** Trains for so many steps, then pauses. */
  advance(steps: number): Promise<void>;
  /** Trains up to the end of the epoch, then pauses. */
  finishEpoch(): Promise<void>;
  validate(): Promise<Validation>;
  /** @param layers Of these layers only; of all by default. A large network's are many megabytes. */
  parameters(layers?: readonly number[]): ParameterView[];
  look(pixels: Uint8Array, options: LookOptions): Promise<Look>;
  convolution(layer: number, pixels: Uint8Array, label: number): ConvolutionView;
  /**
   * Adds a digit to the run's training set, from the next epoch on; it counts as often as `weight` digits, 1 to
   * 1,000. A new run is without it.
   */
  addDigit(pixels: Uint8Array, label: number, weight: number): void;
  /**
   * Centres and scales a picture like MNIST's; training rests meanwhile, and a moment longer.
   * @throws Error with a text for people if it shows no digit.
   */
  centre(picture: GreyPicture): Promise<Uint8Array<ArrayBuffer>>;
  /** The bytes of a safetensors file. */
  safetensors(): Promise<Uint8Array<ArrayBuffer>>;
  onnx(): Promise<Uint8Array<ArrayBuffer>>;
  /** The text of model.py that makes the same network in PyTorch. */
  pytorch(): Promise<string>;
  /**
   * Reads a file of weights: one that the page wrote, or a checkpoint or model of `train:mnist`.
   * @throws Error with a text for people; the run is as it was then.
   */
  load(bytes: Uint8Array, name: string): Promise<LoadedWeights>;
  /** Times some steps of the network with an engine, in a worker that has no other run. */
  time(experiment: Experiment, choice: EngineChoice, steps: number): Promise<EngineTiming>;
}

/** Brightness 0…1 of each pixel, row by row. */
export interface GreyPicture {
  readonly width: number;
  readonly height: number;
  readonly grey: Float32Array<ArrayBuffer>;
  readonly alpha: Float32Array<ArrayBuffer> | null;
}

/**
 * The layers that a network of the page can be made of, as plain data: what the editor edits, a link holds
 * and the worker builds modules from. Nothing here computes.
 */

export interface ConvSpec {
  readonly kind: 'conv';
  /** Output channels. */
  readonly channels: number;
  /** Rows and columns of the kernel. */
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
  readonly groups: number;
  readonly bias: boolean;
}

export interface PoolSpec {
  readonly kind: 'maxPool' | 'avgPool';
  /** Rows and columns of the window, and its stride. */
  readonly size: number;
}

export interface DropoutSpec {
  readonly kind: 'dropout';
  /** The probability of 0. */
  readonly p: number;
}

export interface LinearSpec {
  readonly kind: 'linear';
  /** Outputs. */
  readonly features: number;
}

/** What has no options. */
export interface PlainSpec {
  readonly kind:
    'batchNorm' | 'relu' | 'leakyRelu' | 'gelu' | 'silu' | 'tanh' | 'sigmoid' | 'flatten';
}

export type LayerSpec = ConvSpec | PoolSpec | DropoutSpec | LinearSpec | PlainSpec;
export type LayerKind = LayerSpec['kind'];

/** In the order in which they compute; the last one's outputs are the ten logits. */
export type NetworkSpec = readonly LayerSpec[];

/** Channels, rows and columns; or features alone, behind a flatten. */
export type LayerShape = readonly [number, number, number] | readonly [number];

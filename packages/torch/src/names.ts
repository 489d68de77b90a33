import type { DType } from '@unfold/core';

/** Arguments whose name in PyTorch isn't ours in lower case with underscores. */
const OTHERS: Readonly<Record<string, string>> = {
  axis: 'dim',
  axes: 'dims',
  slope: 'negative_slope',
  tMax: 'T_max',
  t0: 'T_0',
  tMult: 'T_mult',
};

/** PyTorch's name of an argument, or of what an optimiser remembers: `weight_decay` for `weightDecay`. */
export const pythonName = (name: string): string =>
  OTHERS[name] ?? name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** PyTorch's name of a type of elements: `torch.float32`. */
export const torchDtype = (dtype: DType): string => `torch.${dtype}`;

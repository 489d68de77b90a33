import type { Epilogue, NumericArray } from '../contract.js';
import { leakyRelu, relu } from './elementwise.js';

/** Applies the activation behind a product to its results, in place. */
export function activate(x: NumericArray, { activation, slope }: Epilogue): void {
  if (activation === 'relu') relu(x, x);
  else if (activation === 'leakyRelu') leakyRelu(x, x, { slope });
}

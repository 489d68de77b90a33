import type { Operators } from './call.js';
import { ELEMENTWISE } from './elementwise.js';
import { MOVEMENT } from './movement.js';
import { PRODUCTS } from './products.js';
import { RECURRENT } from './recurrent.js';
import { REDUCTIONS } from './reductions.js';
import { RESIZE } from './resize.js';
import { WINDOWS } from './windows.js';

/** What each operator of ONNX computes, by its name. */
export const OPERATORS: Operators = {
  ...ELEMENTWISE,
  ...RECURRENT,
  ...REDUCTIONS,
  ...MOVEMENT,
  ...PRODUCTS,
  ...RESIZE,
  ...WINDOWS,
};

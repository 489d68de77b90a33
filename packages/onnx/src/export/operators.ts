import { ELEMENTWISE } from './elementwise.js';
import { LOSSES } from './losses.js';
import { MOVEMENT } from './movement.js';
import { PRODUCTS } from './products.js';
import { RECURRENT } from './recurrent.js';
import { REDUCTIONS } from './reductions.js';
import type { Emitters } from './step.js';
import { WINDOWS } from './windows.js';

/** The translation of each operation that ONNX can say, by the name that it has in a graph. */
export const OPERATORS: Emitters = {
  ...ELEMENTWISE,
  ...RECURRENT,
  ...REDUCTIONS,
  ...MOVEMENT,
  ...PRODUCTS,
  ...WINDOWS,
  ...LOSSES,
};

import { ELEMENTWISE } from './elementwise.js';
import { LOSSES } from './losses.js';
import { MOVEMENT } from './movement.js';
import { PRODUCTS } from './products.js';
import { REDUCTIONS } from './reductions.js';
import type { Translations } from './step.js';
import { WINDOWS } from './windows.js';

/** The translation of each operation that PyTorch can say, by the name that it has in a graph. */
export const OPERATIONS: Translations = {
  ...ELEMENTWISE,
  ...REDUCTIONS,
  ...MOVEMENT,
  ...PRODUCTS,
  ...WINDOWS,
  ...LOSSES,
};

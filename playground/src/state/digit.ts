import { signal } from '@preact/signals';
import type { Digit } from '../spec/digits.js';

/** The digit at hand: drawn, chosen or from a photo; null before there is one. */
export const digit = signal<Digit | null>(null);

import type { Translations } from './step.js';

export const OPERATIONS: Translations = {};

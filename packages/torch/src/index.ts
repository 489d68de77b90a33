export type { Translations } from './operations/step.js';

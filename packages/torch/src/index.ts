export { eject, type Ejectable, type EjectOptions, type Project } from './eject.js';
export { saveProject } from './save-project.js';
export type { EjectTraining } from './training/facts.js';

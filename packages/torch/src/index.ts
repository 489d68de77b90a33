export {
  eject,
  type Ejectable,
  type EjectOptions,
  type EjectTraining,
  type Project,
} from './eject.js';
export { saveProject } from './save-project.js';

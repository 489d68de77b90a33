export { eject, type Ejectable, type EjectOptions } from './eject.js';

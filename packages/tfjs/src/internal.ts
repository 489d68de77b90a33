/*
 * The names that Unfold's own packages share beside the public ones. This entry may change with any
 * version: nobody else should build on it.
 */
export { loadTensorFlowData } from './data-loader.js';
export {
  TFJS,
  TFJS_NODE,
  findTensorFlow,
  hasFunctions,
  isTensorFlow,
  missingTensorFlow,
  silenceBanner,
} from './tensorflow.js';
export type { TensorFlow, TfTensor } from './tensorflow.js';

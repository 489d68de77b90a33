export {
  exportOnnx,
  type Exportable,
  type ExportableModel,
  type ExportOnnxOptions,
  type OnnxNames,
} from './export/export-onnx.js';
export { ImportedModel, importOnnx, type ImportOnnxOptions } from './import/import-onnx.js';
export { loadOnnx, saveOnnx } from './files.js';

export {
  exportOnnx,
  type Exportable,
  type ExportOnnxOptions,
  type OnnxNames,
} from './export/export-onnx.js';

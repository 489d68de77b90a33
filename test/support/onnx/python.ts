import { spawnSync } from 'node:child_process';

/** The Python that tests may ask, where it has ONNX and ONNX Runtime. */
export const python = process.env['PYTHON'] ?? 'python3';
export const hasPython = spawnSync(python, ['-c', 'import onnx, onnxruntime']).status === 0;

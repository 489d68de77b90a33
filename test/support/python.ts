import { spawnSync } from 'node:child_process';

/** The Python that tests may ask, where it has what they ask for. */
export const python = process.env['PYTHON'] ?? 'python3';
const succeeds = (...args: readonly string[]): boolean => spawnSync(python, args).status === 0;

export const hasOnnx = succeeds('-c', 'import onnx, onnxruntime');
export const hasTorch = succeeds('-c', 'import torch');
export const hasRuff = succeeds('-m', 'ruff', '--version');
/** Whether it has all that an ejected project requires. */
export const hasRequirements = succeeds('-c', 'import torch, safetensors, pytest');

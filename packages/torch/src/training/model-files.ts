import { encodeSafetensors } from '@unfold/io';
import type { ProjectFacts } from './facts.js';
import { parityScript, parityTensors } from './parity-script.js';
import { GITIGNORE, PYPROJECT, requirements } from './project-files.js';
import { modelReadme } from './readme.js';

/** What belongs to a model without a run, by the names of files. */
export function modelFiles({
  className,
  parity,
}: Pick<ProjectFacts, 'className' | 'parity'>): [string, string | Uint8Array<ArrayBuffer>][] {
  const { inputs, isOne } = parity;
  return [
    ['test_parity.py', parityScript({ className, inputs: inputs.length, isOne, losses: null })],
    ['parity.safetensors', encodeSafetensors(new Map(parityTensors(parity)))],
    ['requirements.txt', requirements(false)],
    ['pyproject.toml', PYPROJECT],
    ['.gitignore', GITIGNORE],
    ['README.md', modelReadme(className)],
  ];
}

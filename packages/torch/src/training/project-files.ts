import { LINE_LENGTH } from '../python.js';

/** The packages that the project needs, and from which versions on. */
export const requirements = (hasAugmentation: boolean): string =>
  [
    'torch>=2.4,<3',
    ...(hasAugmentation ? ['torchvision>=0.19'] : []),
    'numpy>=1.26',
    'safetensors>=0.4.5',
    'pytest>=8',
    '',
  ].join('\n');

export const PYPROJECT = `[tool.ruff]\nline-length = ${LINE_LENGTH}\n`;

export const GITIGNORE = `__pycache__/
.pytest_cache/
.ruff_cache/
.venv/
checkpoint.pt
checkpoint.tmp
trained.safetensors
`;

import { signal } from '@preact/signals';
import type { EngineChoice } from '../lab/protocol.js';

/** What the next network computes with. One thread is what every host's page may have. */
export const engineChoice = signal<EngineChoice>({ kernels: 'wasm', threads: 1, compiled: true });

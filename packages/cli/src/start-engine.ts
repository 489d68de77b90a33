import { configureEngine, type Engine } from '@unfold/core';
import { enableNodeFlags } from '@unfold/core/node';
import type { EngineArguments } from './engine-options.js';

/**
 * Starts what computes, and says which it is.
 * @param name What the lines begin with.
 */
export async function startEngine(
  { kernels, threads, simd, strict }: EngineArguments,
  say: (line: string) => void,
  name = 'engine',
): Promise<Engine> {
  enableNodeFlags();
  const engine = await configureEngine({ kernels, threads, simd, strict });
  say(`${name}: ${engine.description}`);
  for (const warning of engine.warnings) say(`${name}: ${warning}`);
  return engine;
}

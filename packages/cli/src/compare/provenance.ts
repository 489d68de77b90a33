import { cpus } from 'node:os';
import type { Engine } from '@unfold/core';
import type { TrainingPlan } from './compare.js';
import type { Seeds } from './defaults.js';
import type { Provenance } from './page.js';
import type { LoadedTensorFlow } from './tensorflow.js';

export interface Sides {
  readonly seeds: Seeds;
  readonly engine: Engine;
  readonly loaded: LoadedTensorFlow;
  /** Where the images come from, if the user said. */
  readonly dataDir?: string | undefined;
}

/** Says what ran where, and the command that runs it again. */
export function provenanceOf(
  plan: TrainingPlan,
  { seeds, engine, loaded, dataDir }: Sides,
): Provenance {
  const { model, epochs, lr, momentum, train, test, batchSize } = plan;
  const processors = cpus();
  return {
    command:
      `npm run compare:tfjs -- --model ${model} --epochs ${epochs} --seeds ${seeds.join(',')} ` +
      `--limit ${train.length} --test-limit ${test.length} --lr ${lr} --momentum ${momentum} ` +
      `--backend ${loaded.backend}${dataDir === undefined ? '' : ` --data-dir ${dataDir}`}`,
    setting: [
      ['images', `${train.length} to train on, ${test.length} to test on`],
      [
        'training',
        `${epochs} epoch${epochs === 1 ? '' : 's'} of batches of ${batchSize}, learning rate ${lr}, momentum ${momentum}`,
      ],
      ['Unfold', engine.description],
      ['TensorFlow.js', `${loaded.version}, ${loaded.backend}`],
      ['Node', process.version],
      [
        'machine',
        `${processors.length} × ${processors[0]?.model.trim() ?? 'unknown'}, ${process.platform} ${process.arch}`,
      ],
      ['date', new Date().toISOString().slice(0, 10)],
    ],
  };
}

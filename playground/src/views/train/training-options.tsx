import { NumberField } from '../../parts/number-field.js';
import { SelectField } from '../../parts/select-field.js';
import {
  AUGMENTATIONS,
  EXPERIMENT_FIELDS as FIELDS,
  OPTIMIZERS,
  type OptimizerSpec,
} from '../../spec/experiment.js';
import { draftOf, editDraft } from '../../state/draft.js';
import type { Run } from '../../state/runs.js';
import { SPEC_TEXTS } from '../../texts/spec.js';
import { TRAIN_TEXTS } from '../../texts/train.js';

const { options: texts } = TRAIN_TEXTS;
/** What faults call the fields, too. */
const { experiment: names } = SPEC_TEXTS;

/** How a run's draft trains: optimiser, batch, augmentation, seed. */
export function TrainingOptions({ run }: { run: Run }) {
  const { batchSize, augmentation, seed, strict } = draftOf(run);
  return (
    <div class="options">
      <OptimizerFields run={run} />
      <NumberField
        label={names.batchSize}
        value={batchSize}
        {...FIELDS.batchSize}
        onValue={(value) => editDraft(run, { batchSize: value })}
      />
      <SelectField
        label={texts.augmentation}
        value={augmentation}
        choices={AUGMENTATIONS.map((kind) => [kind, texts.augmentations[kind]])}
        onValue={(value) => editDraft(run, { augmentation: value })}
      />
      <NumberField
        label={names.seed}
        value={seed}
        {...FIELDS.seed}
        onValue={(value) => editDraft(run, { seed: value })}
      />
      <label class="check">
        <input
          type="checkbox"
          checked={strict}
          onChange={(event) => editDraft(run, { strict: event.currentTarget.checked })}
        />
        {texts.strict}
      </label>
    </div>
  );
}

const KINDS = ['sgd', 'adam', 'adamW', 'rmsprop'] as const;

function OptimizerFields({ run }: { run: Run }) {
  const { optimizer } = draftOf(run);
  const change = (changed: OptimizerSpec): void => editDraft(run, { optimizer: changed });
  return (
    <>
      <SelectField
        label={texts.optimizer}
        value={optimizer.kind}
        choices={KINDS.map((kind) => [kind, SPEC_TEXTS.optimizers[kind]])}
        onValue={(kind) => change(OPTIMIZERS[kind])}
      />
      <NumberField
        label={names.lr}
        value={optimizer.lr}
        {...FIELDS.lr}
        onValue={(lr) => change({ ...optimizer, lr })}
      />
      {optimizer.kind === 'sgd' && (
        <>
          <NumberField
            label={names.momentum}
            value={optimizer.momentum}
            {...FIELDS.momentum}
            onValue={(momentum) => change({ ...optimizer, momentum })}
          />
          <label class="check">
            <input
              type="checkbox"
              checked={optimizer.nesterov}
              onChange={(event) => change({ ...optimizer, nesterov: event.currentTarget.checked })}
            />
            {texts.nesterov}
          </label>
        </>
      )}
      <NumberField
        label={names.weightDecay}
        value={optimizer.weightDecay}
        {...FIELDS.weightDecay}
        onValue={(weightDecay) => change({ ...optimizer, weightDecay })}
      />
    </>
  );
}

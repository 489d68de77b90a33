import { grouped } from '@unfold/monitor/internal/browser';
import { Picture } from '../../parts/picture.js';
import type { OptimizerSpec } from '../../spec/experiment.js';
import type { LinkContent } from '../../spec/link.js';
import type { NetworkSpec } from '../../spec/layers.js';
import { inspectNetwork } from '../../spec/network.js';
import { presetNameOf } from '../../spec/presets.js';
import { SPEC_TEXTS } from '../../texts/spec.js';
import { TAKE_TEXTS } from '../../texts/take.js';

const texts = TAKE_TEXTS.content;

/** What a link holds, line by line. */
export function LinkContents({ experiment, digit, result }: LinkContent) {
  const { network, optimizer, batchSize, augmentation, seed } = experiment;
  const lines = [
    [texts.network, networkText(network)],
    [texts.optimizer, optimizerText(optimizer)],
    [texts.batch, texts.images(batchSize)],
    [texts.augmentation, texts.augmentations[augmentation]],
    [texts.seed, String(seed)],
    [
      texts.result,
      result ? texts.resultAt(grouped(result.steps), result.fingerprint) : texts.noResult,
    ],
  ] as const;
  return (
    <dl class="take-content">
      {lines.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
      <div>
        <dt>{texts.digit}</dt>
        <dd>
          {digit ? (
            <Picture
              values={digit.pixels}
              width={28}
              height={28}
              colours="grey"
              low={0}
              high={255}
              label={texts.digitOf(digit.label)}
              class="take-digit"
            />
          ) : (
            texts.noDigit
          )}
        </dd>
      </div>
    </dl>
  );
}

/** All that the optimiser is set to; what is 0 does nothing, and is left out. */
function optimizerText(optimizer: OptimizerSpec): string {
  const { kind, lr, weightDecay } = optimizer;
  const said = [texts.rate(SPEC_TEXTS.optimizers[kind], lr)];
  if (kind === 'sgd' && optimizer.momentum > 0) {
    said.push((optimizer.nesterov ? texts.nesterov : texts.momentum)(optimizer.momentum));
  }
  if (weightDecay > 0) said.push(texts.weightDecay(weightDecay));
  return said.join(', ');
}

function networkText(network: NetworkSpec): string {
  const preset = presetNameOf(network);
  const name = preset ? SPEC_TEXTS.presets[preset] : texts.ownNetwork(network.length);
  return texts.preset(name, grouped(inspectNetwork(network).parameters));
}

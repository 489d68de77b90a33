import { cores, isIsolated } from '../../state/engine-choice.js';
import { lack } from '../../state/support.js';
import { ENGINE_TEXTS } from '../../texts/engine.js';
import { PAGE_TEXTS } from '../../texts/page.js';

/** What this browser has for computing, and what it lacks, and why. */
export function DevicePanel() {
  const texts = ENGINE_TEXTS.device;
  const facts = [
    { name: texts.simd, has: lack === null, text: lack ? PAGE_TEXTS.notices[lack] : texts.hasSimd },
    { name: texts.threads, has: isIsolated, text: isIsolated ? texts.isolated : texts.notIsolated },
    { name: texts.cores, has: true, text: texts.coreCount(cores) },
  ];
  return (
    <section class="panel" aria-labelledby="engine-device">
      <h3 id="engine-device">{texts.title}</h3>
      <dl class="engine-facts">
        {facts.map(({ name, has, text }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              {name !== texts.cores && <strong>{has ? texts.yes : texts.no} </strong>}
              {text}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

import { digit } from '../../state/digit.js';
import { DRAW_TEXTS } from '../../texts/draw.js';
import { SIDE } from './drawing.js';
import { Legend } from './legend.js';
import { ReadablePicture } from './readable-picture.js';
import { type Answer, answer, type Explanation, explanation, occluded } from './state.js';
import { verdictOf } from './verdict.js';
import { numeral, percent } from './words.js';

const { explain } = DRAW_TEXTS;
const CHOICES: readonly Explanation[] = ['none', 'gradient', 'occlusion'];

/** What the network looks at in the digit, in two ways. */
export function Explain() {
  return (
    <section class="panel" aria-labelledby="draw-explain">
      <h3 id="draw-explain">{explain.title}</h3>
      <fieldset class="row draw-choices">
        <legend class="unseen">{explain.choose}</legend>
        {CHOICES.map((choice) => (
          <label key={choice}>
            <input
              type="radio"
              name="draw-explanation"
              checked={explanation.value === choice}
              onChange={() => {
                explanation.value = choice;
              }}
            />{' '}
            {explain[choice]}
          </label>
        ))}
      </fieldset>
      {explanation.value === 'none' ? (
        <p class="soft draw-small">{explain.about}</p>
      ) : digit.value === null ? (
        <p class="soft draw-small">{explain.waits}</p>
      ) : (
        <Shown kind={explanation.value} />
      )}
    </section>
  );
}

type Kind = Exclude<Explanation, 'none'>;

function Shown({ kind }: { readonly kind: Kind }) {
  const said = kind === 'gradient' ? answer.value : occluded.value;
  const values = said && valuesOf(kind, said);
  // The square takes a while: what is seen would be of the digit before.
  const isOld = kind === 'occlusion' && said?.pixels !== digit.value?.pixels;
  if (!values || isOld) return <p class="soft draw-small">{explain.busy}</p>;
  const likeliest = verdictOf(said.look.probabilities).first.digit;
  const reach = values.reduce((most, value) => Math.max(most, Math.abs(value)), LEAST[kind]);
  const text = (value: number): string =>
    kind === 'gradient' ? numeral(value) : signedPercent(value);
  return (
    <>
      <ReadablePicture
        values={values}
        width={SIDE}
        height={SIDE}
        colours="signed"
        low={-reach}
        high={reach}
        ground={Array.from(said.pixels, (level) => level / 255)}
        label={explain.label[kind](likeliest)}
        read={(row, column, value) => explain.cell[kind](row, column, text(value))}
        hint={explain.point}
      />
      <Legend
        colours="signed"
        low={`${text(-reach)}, ${explain.low[kind]}`}
        high={`${text(reach)}, ${explain.high[kind]}`}
      />
      <p>{explain.read[kind](likeliest)}</p>
      <p class="soft draw-small">{explain.beware[kind]}</p>
    </>
  );
}

const valuesOf = (kind: Kind, { look }: Answer): Float32Array | null =>
  kind === 'gradient' ? look.inputGradient : look.occlusion;

/** The smallest number that is shown in full colour, so that what changes next to nothing looks like it. */
const LEAST: Readonly<Record<Kind, number>> = { gradient: 1e-6, occlusion: 0.01 };

const signedPercent = (value: number): string =>
  value < 0 ? `−${percent(-value)}` : percent(value);

import { type Convolution, dBiasAt } from '../../spec/convolution/convolution.js';
import { INSIDE_TEXTS } from '../../texts/inside.js';
import { ProductMatrix, UnfoldedGrid, WeightMatrix } from './grids.js';
import { full } from './numbers.js';
import { OutputPlanes, Panel, PixelPlanes } from './panels.js';
import { useSight } from './sight.js';
import { position, stepTo, watched } from './state.js';
import { Section } from './words.js';

const { panels } = INSIDE_TEXTS;

/** dOut, the weight's gradient, the gradient of U, and the fold that makes the image's of it. */
export function Backwards({ convolution }: { readonly convolution: Convolution }) {
  const { N, p } = convolution.geometry;
  const { o, position: r, watched: isWatched } = useSight(convolution);
  return (
    <Section name="backwards">
      <div class="pictures">
        <Panel name="dOut">
          <OutputPlanes convolution={convolution} array="dOut" />
          <p class="caption">{panels.dOut.dBias(biasGradients(convolution, o))}</p>
        </Panel>
        <Panel name="dWeight" isWide questions={['batch', 'shapes']}>
          <p class="caption">{panels.dWeight.dOutRows}</p>
          <ProductMatrix convolution={convolution} array="dOut" label={panels.dWeight.dOutRows} />
          {N > 1 &&
            Array.from({ length: N }, (_, n) => (
              <div key={n}>
                <p class="caption">{panels.dWeight.image(n)}</p>
                <WeightMatrix
                  convolution={convolution}
                  array="dWeight"
                  of={n}
                  label={panels.dWeight.image(n)}
                />
              </div>
            ))}
          <p class="caption">{N > 1 ? panels.dWeight.sum : panels.dWeight.title}</p>
          <WeightMatrix
            convolution={convolution}
            array="dWeight"
            label={N > 1 ? panels.dWeight.sum : panels.dWeight.title}
          />
        </Panel>
      </div>
      <div class="pictures">
        <Panel name="dU" isWide>
          <UnfoldedGrid convolution={convolution} array="dU" label={panels.dU.title} />
        </Panel>
        <Panel name="dX">
          <button
            type="button"
            aria-pressed={isWatched}
            onClick={() => {
              watched.value = !watched.value;
              stepTo(watched.value ? 0 : position.peek());
            }}
          >
            {panels.dX.watch}
          </button>
          {isWatched && <p class="caption">{panels.dX.soFar(r, p)}</p>}
          <PixelPlanes convolution={convolution} array="dX" />
        </Panel>
      </div>
    </Section>
  );
}

/** Of few channels all, of many the one that is looked at. */
function biasGradients(convolution: Convolution, chosen: number): string {
  const { OC } = convolution.geometry;
  const channels = OC <= 8 ? Array.from({ length: OC }, (_, o) => o) : [chosen];
  return channels.map((o) => `[${o}] ${full(dBiasAt(convolution, o))}`).join('  ');
}

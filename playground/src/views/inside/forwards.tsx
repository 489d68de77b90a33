import type { Convolution } from '../../spec/convolution/convolution.js';
import { INSIDE_TEXTS } from '../../texts/inside.js';
import { ProductMatrix, UnfoldedGrid, WeightMatrix } from './grids.js';
import { KernelPlanes, OutputPlanes, Panel, PixelPlanes } from './panels.js';
import { Rest } from './source.js';
import { Section } from './words.js';

const { panels } = INSIDE_TEXTS;

/** Padded input, kernel, unfolded matrix, product and output. */
export function Forwards({ convolution }: { readonly convolution: Convolution }) {
  const productGrid = convolution.bias ? panels.product.productGrid : panels.product.plainGrid;
  return (
    <Section name="forwards">
      <div class="pictures">
        <Panel name="x">
          <PixelPlanes convolution={convolution} array="x" />
          <Rest convolution={convolution} />
        </Panel>
        <Panel name="weight" questions={['correlation']}>
          <KernelPlanes convolution={convolution} />
        </Panel>
        <Panel name="U" isWide questions={['overlap', 'rest']}>
          <p class="caption">{panels.U.axes(convolution.geometry.groupC > 1)}</p>
          <UnfoldedGrid convolution={convolution} array="U" label={panels.U.title} />
        </Panel>
        <Panel name="product" isWide questions={['fold']}>
          <p class="caption">{panels.product.W}</p>
          <WeightMatrix convolution={convolution} array="weight" label={panels.product.W} />
          <p class="caption">{productGrid}</p>
          <ProductMatrix convolution={convolution} array="out" label={productGrid} />
        </Panel>
        <Panel name="out">
          <OutputPlanes convolution={convolution} array="out" />
        </Panel>
      </div>
    </Section>
  );
}

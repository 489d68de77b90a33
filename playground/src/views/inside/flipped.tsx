import { useMemo } from 'preact/hooks';
import { type CellLook, type GridCell, NumberGrid } from '../../parts/number-grid.js';
import { type Convolution, dXAt } from '../../spec/convolution/convolution.js';
import {
  flippedRouteAt,
  flippedTermsAt,
  flippedWeightAt,
  spreadAt,
  spreadSize,
  spreadSource,
} from '../../spec/convolution/flipped.js';
import {
  countAt,
  isPadding,
  type Pixel,
  pixelsOfChannel,
  rowOf,
} from '../../spec/convolution/geometry.js';
import { isPixel, linkOf, type Place } from '../../spec/convolution/links.js';
import { INSIDE_TEXTS } from '../../texts/inside.js';
import { extents } from './extents.js';
import { PixelGrid } from './grids.js';
import { nameOf } from './names.js';
import { brief, full, written } from './numbers.js';
import { PLANE_WINDOW, roomOf } from './room.js';
import { remembered } from './remembered.js';
import { Sighted, useSight } from './sight.js';
import { choose, hovered } from './state.js';
import { Question, Section, Words } from './words.js';

const texts = INSIDE_TEXTS.flipped;

interface Props {
  readonly convolution: Convolution;
}

/** The full convolution of dOut with the flipped kernel, beside what fold made. */
export function Flipped({ convolution }: Props) {
  const { geometry } = convolution;
  const { o, c, image: n, pointed } = useSight(convolution);
  const { H, W, padding } = geometry;
  const equal = useMemo(() => countEqual(convolution, n, c), [convolution, n, c]);
  const pixel = pixelAtHand(convolution, pointed, c);
  const terms = flippedTermsAt(convolution, n, pixel);
  const total = full(flippedRouteAt(convolution, n, pixel));
  const name = nameOf(geometry, n, { in: 'dX', ...pixel });
  const sum =
    terms.length === 0
      ? '0'
      : written({ terms, bias: null, total: 0 }, INSIDE_TEXTS.sentence.products);
  return (
    <Section name="flipped">
      <Words words={texts.words} formula={texts.formula} numbers={texts.numbers} />
      <div class="pictures">
        <Sighted class="panel picture-panel">
          <h4>{texts.spread(o)}</h4>
          <SpreadGrid convolution={convolution} pixel={pixel} />
        </Sighted>
        <Sighted class="panel picture-panel">
          <h4>{texts.kernel(o)}</h4>
          <FlippedKernel convolution={convolution} />
        </Sighted>
        <Sighted class="panel picture-panel">
          <h4>{texts.byFlip}</h4>
          <GatheredGrid convolution={convolution} c={c} />
          <p class="caption">{texts.at(`${name} = ${sum}`, total)}</p>
        </Sighted>
        <Sighted class="panel picture-panel">
          <h4>{texts.byFold}</h4>
          <PixelGrid convolution={convolution} array="dX" c={c} label={texts.byFold} isWhole />
          <p class="caption" data-testid="equal">
            {texts.equal(equal, H * W, c)}
          </p>
        </Sighted>
      </div>
      <Question name="rotated" />
      <Question name="digits" />
      {padding > 0 && <p class="soft">{texts.cropped}</p>}
    </Section>
  );
}

function countEqual(convolution: Convolution, n: number, c: number): number {
  return pixelsOfChannel(convolution.geometry, c).filter(
    (pixel) => dXAt(convolution, n, pixel) === flippedRouteAt(convolution, n, pixel),
  ).length;
}

/** The pixel that is pointed at, or the first of its patch; without one, the first of the image. */
function pixelAtHand({ geometry }: Convolution, now: Place, c: number): Pixel {
  const { padding } = geometry;
  if (isPixel(now) && !isPadding(geometry, now)) {
    return { c, h: now.h, w: now.w };
  }
  return { c, h: padding, w: padding };
}

/** dOut of the output channel that is looked at, with the window that the flipped kernel lies on. */
function SpreadGrid({ convolution, pixel }: Props & { readonly pixel: Pixel }) {
  const { geometry } = convolution;
  const { KH, KW, dilation } = geometry;
  const { o, image: n } = useSight(convolution);
  const [rows, columns] = spreadSize(geometry);
  const isUnder = (from: number, at: number, kernel: number): boolean => {
    const element = (at - from) / dilation;
    return Number.isInteger(element) && element >= 0 && element < kernel;
  };
  const placeOf = ({ row, column }: GridCell): Place | null => {
    const r = spreadSource(geometry, row, column);
    return r === null ? null : { in: 'dOut', o, r };
  };
  const look = (cell: GridCell): CellLook => {
    const place = placeOf(cell);
    const text = brief(spreadAt(convolution, n, o, cell.row, cell.column));
    const isFrom = isUnder(pixel.h, cell.row, KH) && isUnder(pixel.w, cell.column, KW);
    return {
      text,
      name: place ? INSIDE_TEXTS.cells.is(nameOf(geometry, n, place), text) : texts.zero,
      class: `${isFrom ? 'from' : ''} ${place ? '' : 'padding'}`,
    };
  };
  return (
    <NumberGrid
      label={texts.spread(o)}
      rows={rows}
      columns={columns}
      look={look}
      characters={extents(convolution, n).dOut.characters}
      {...PLANE_WINDOW}
      room={roomOf()}
      follow={[
        { row: pixel.h, column: pixel.w },
        { row: pixel.h + dilation * (KH - 1), column: pixel.w + dilation * (KW - 1) },
      ]}
    />
  );
}

function FlippedKernel({ convolution }: Props) {
  const { geometry } = convolution;
  const { KH, KW } = geometry;
  const { o, c, image: n, pointed } = useSight(convolution);
  const placeOf = ({ row, column }: GridCell): Place => ({
    in: 'weight',
    o,
    e: rowOf(geometry, { c, m: KH - 1 - row, q: KW - 1 - column }),
  });
  return (
    <NumberGrid
      label={texts.kernel(o)}
      rows={KH}
      columns={KW}
      look={(cell) => {
        const text = brief(flippedWeightAt(convolution, o, { c, m: cell.row, q: cell.column }));
        const place = placeOf(cell);
        return {
          text,
          name: INSIDE_TEXTS.cells.is(nameOf(geometry, n, place), text),
          class: linkOf(geometry, pointed, place) ?? '',
        };
      }}
      characters={extents(convolution, n).weight.characters}
      room={roomOf()}
      follow={[]}
      onPoint={(cell) => {
        hovered.value = cell && placeOf(cell);
      }}
      onChoose={(cell) => choose(placeOf(cell))}
    />
  );
}

/** dX, each pixel gathered by the flipped kernel. */
function GatheredGrid({ convolution, c }: Props & { readonly c: number }) {
  const { geometry } = convolution;
  const { H, W, padding } = geometry;
  const placeOf = ({ row, column }: GridCell): Place & Pixel & { in: 'dX' } => ({
    in: 'dX',
    c,
    h: row + padding,
    w: column + padding,
  });
  const { image: n, pointed: now } = useSight(convolution);
  const at = isPixel(now) ? now : null;
  return (
    <NumberGrid
      label={texts.byFlip}
      rows={H}
      columns={W}
      look={(cell) => {
        const place = placeOf(cell);
        const value = remembered(convolution, `flipped ${c} ${n}`, cell.row * W + cell.column, () =>
          flippedRouteAt(convolution, n, place),
        );
        const text = brief(value);
        const link = linkOf(geometry, now, place);
        const isUnread = countAt(geometry, place) === 0;
        return {
          text,
          name: INSIDE_TEXTS.cells.is(nameOf(geometry, n, place), text),
          class: `${link ?? ''} ${isUnread ? 'unread' : ''}`,
        };
      }}
      characters={extents(convolution, n).dX.characters}
      {...PLANE_WINDOW}
      room={roomOf()}
      follow={
        at && !isPadding(geometry, at) ? [{ row: at.h - padding, column: at.w - padding }] : []
      }
      onPoint={(cell) => {
        hovered.value = cell && placeOf(cell);
      }}
      onChoose={(cell) => choose(placeOf(cell))}
    />
  );
}

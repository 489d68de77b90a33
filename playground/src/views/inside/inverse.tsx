import { useMemo, useState } from 'preact/hooks';
import { type CellLook, type GridCell, NumberGrid } from '../../parts/number-grid.js';
import { type Convolution, foldedCopiesAt, paddedAt } from '../../spec/convolution/convolution.js';
import { pixelsOf } from '../../spec/convolution/follow.js';
import {
  countAt,
  isPadding,
  type Pixel,
  pixelsOfChannel,
} from '../../spec/convolution/geometry.js';
import { linkOf, type PixelPlace } from '../../spec/convolution/links.js';
import { announce } from '../../state/announcement.js';
import { INSIDE_TEXTS } from '../../texts/inside.js';
import { Act } from './act.js';
import { UnfoldedGrid } from './grids.js';
import { nameOf } from './names.js';
import { brief } from './numbers.js';
import { PLANE_WINDOW, roomOf } from './room.js';
import { Sighted, useSight } from './sight.js';
import { choose, hovered } from './state.js';
import { Question, Section, Words } from './words.js';

const texts = INSIDE_TEXTS.inverse;

type Stage = 'x' | 'folded' | 'divided';

/** Unfold and fold with nothing between; a second button divides by the counts. */
export function Inverse({ convolution }: { readonly convolution: Convolution }) {
  const [stage, setStage] = useState<Stage>('x');
  const { geometry } = convolution;
  const { c, image: n } = useSight(convolution);
  // Sums over whole images: each move of the pointer comes by here.
  const { all, same, lost } = useMemo(() => countPixels(convolution, n, c), [convolution, n, c]);
  const saidFolded = texts.said(same, all);
  const divided = (pixel: Pixel): string => {
    const count = countAt(geometry, pixel);
    return count === 0 ? texts.lost : brief(foldedCopiesAt(convolution, n, pixel) / count);
  };
  const go = (next: Stage, said: string): void => {
    setStage(next);
    announce(said);
  };
  return (
    <Section name="inverse">
      <Words words={texts.words} formula={texts.formula} numbers={texts.numbers} />
      <div class="row">
        <Act isPrimary isIdle={stage !== 'x'} act={() => go('folded', saidFolded)}>
          {texts.button}
        </Act>
        <Act isPrimary isIdle={stage !== 'folded'} act={() => go('divided', texts.back(lost))}>
          {texts.divide}
        </Act>
        <Act isIdle={stage === 'x'} act={() => setStage('x')}>
          {texts.away}
        </Act>
      </div>
      <p class="caption">{stage === 'x' ? texts.before : texts.point}</p>
      <div class="pictures">
        <Plane
          {...{ convolution, n, c }}
          array="x"
          label={texts.x}
          text={(pixel) => brief(paddedAt(convolution, n, pixel))}
        />
        {stage !== 'x' && (
          <Sighted class="panel picture-panel wide">
            <h4>{texts.unfolded}</h4>
            <UnfoldedGrid convolution={convolution} array="U" label={texts.unfolded} />
          </Sighted>
        )}
        {stage !== 'x' && (
          <Plane
            {...{ convolution, n, c }}
            array="folded"
            label={texts.folded}
            text={(pixel) => brief(foldedCopiesAt(convolution, n, pixel))}
            said={saidFolded}
            name={(pixel, shown) =>
              texts.cell(
                nameOf(geometry, n, { in: 'folded', ...pixel }),
                countAt(geometry, pixel),
                brief(paddedAt(convolution, n, pixel)),
                shown,
              )
            }
          />
        )}
        <Plane
          {...{ convolution, n, c }}
          array="folded"
          label={texts.counts}
          text={(pixel) => String(countAt(geometry, pixel))}
          name={(pixel) =>
            texts.count(nameOf(geometry, n, { in: 'x', ...pixel }), countAt(geometry, pixel))
          }
        />
        {stage === 'divided' && (
          <Plane
            {...{ convolution, n, c }}
            array="folded"
            label={texts.divided}
            text={divided}
            said={texts.back(lost)}
          />
        )}
      </div>
      <Question name="inverse" />
      <Question name="divide" />
    </Section>
  );
}

/** The pixels of a channel, those that fold gives back as they were, and those that no patch holds. */
function countPixels(convolution: Convolution, n: number, c: number) {
  const { geometry } = convolution;
  const pixels = pixelsOfChannel(geometry, c);
  const isSame = (pixel: Pixel): boolean =>
    foldedCopiesAt(convolution, n, pixel) === paddedAt(convolution, n, pixel);
  return {
    all: pixels.length,
    same: pixels.filter(isSame).length,
    lost: pixels.filter((pixel) => countAt(geometry, pixel) === 0).length,
  };
}

interface PlaneProps {
  readonly convolution: Convolution;
  /** The image and the channel. */
  readonly n: number;
  readonly c: number;
  /** What its cells stand for: the counts and the quotients are those of fold(unfold(x)). */
  readonly array: 'x' | 'folded';
  readonly label: string;
  /** What a pixel's cell says; of an image and a channel, always the same. */
  readonly text: (pixel: Pixel) => string;
  /** What a cell is called; that holds what it shows. */
  readonly name?: (pixel: Pixel, shown: string) => string;
  readonly said?: string;
}

function Plane(props: PlaneProps) {
  return (
    <Sighted class="panel picture-panel">
      <h4>{props.label}</h4>
      <PlaneGrid {...props} />
      {props.said !== undefined && <p class="caption">{props.said}</p>}
    </Sighted>
  );
}

function PlaneGrid({ convolution, n, c, array, label, text, name }: PlaneProps) {
  const { geometry } = convolution;
  const { H, W, padding } = geometry;
  const { pointed: now } = useSight(convolution);
  const pixelAt = ({ row, column }: GridCell): Pixel => ({
    c,
    h: row + padding,
    w: column + padding,
  });
  const placeAt = (cell: GridCell): PixelPlace => ({ in: array, ...pixelAt(cell) });
  const look = (cell: GridCell): CellLook => {
    const pixel = pixelAt(cell);
    const place = placeAt(cell);
    const link = linkOf(geometry, now, place);
    const kind = countAt(geometry, pixel) === 0 ? 'unread' : '';
    const shownText = text(pixel);
    return {
      text: shownText,
      name: name
        ? name(pixel, shownText)
        : INSIDE_TEXTS.cells.is(nameOf(geometry, n, place), shownText),
      class: `${link ?? ''} ${kind}`,
    };
  };
  const longest = useMemo(
    () => Math.max(...pixelsOfChannel(geometry, c).map((at) => text(at).length)),
    [convolution, n, c],
  );
  return (
    <NumberGrid
      label={label}
      rows={H}
      columns={W}
      look={look}
      characters={longest}
      {...PLANE_WINDOW}
      room={roomOf()}
      follow={pixelsOf(geometry, now)
        .filter((pixel) => !isPadding(geometry, pixel))
        .map(({ h, w }) => ({ row: h - padding, column: w - padding }))}
      onPoint={(cell) => {
        hovered.value = cell && placeAt(cell);
      }}
      onChoose={(cell) => choose(placeAt(cell))}
    />
  );
}

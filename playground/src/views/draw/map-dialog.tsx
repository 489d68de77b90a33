import { useEffect, useRef } from 'preact/hooks';
import { DRAW_TEXTS } from '../../texts/draw.js';
import { type Channels, rangeOf } from './channels.js';
import { Legend } from './legend.js';
import { ReadablePicture } from './readable-picture.js';
import { numeral } from './words.js';

const { maps, explain } = DRAW_TEXTS;

interface MapDialogProps {
  readonly title: string;
  readonly channels: Channels;
  readonly channel: number;
  /** Goes to another channel, or back to all for null. */
  readonly show: (channel: number | null) => void;
}

/** One feature map, large, with its numbers; it follows the digit and the training. */
export function MapDialog({ title, channels, channel, show }: MapDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const { width, height, colours, low, high, isFlat, count } = channels;
  const values = channels.valuesOf(channel);
  const { least, most, mean } = rangeOf(values);
  const read = (row: number, column: number, value: number): string =>
    isFlat
      ? maps.value(row * width + column, numeral(value))
      : maps.cell(row, column, numeral(value));
  return (
    <dialog ref={dialog} class="draw-dialog" aria-labelledby="draw-map" onClose={() => show(null)}>
      <div class="row">
        <h3 id="draw-map">{title}</h3>
        <button type="button" class="draw-close" onClick={() => dialog.current?.close()}>
          {maps.close}
        </button>
      </div>
      <ReadablePicture
        {...{ values, width, height, colours, low, high, read }}
        label={title}
        hint={explain.point}
      />
      <Legend {...{ colours }} low={numeral(low)} high={numeral(high)} />
      <p class="draw-small">{maps.range(numeral(least), numeral(most), numeral(mean))}</p>
      {count > 1 && (
        <div class="row">
          <button
            type="button"
            aria-disabled={channel === 0}
            onClick={() => channel > 0 && show(channel - 1)}
          >
            {maps.previous}
          </button>
          <button
            type="button"
            aria-disabled={channel === count - 1}
            onClick={() => channel < count - 1 && show(channel + 1)}
          >
            {maps.next}
          </button>
        </div>
      )}
    </dialog>
  );
}

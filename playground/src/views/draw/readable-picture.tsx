import { useSignal } from '@preact/signals';
import { Picture, type PictureProps } from '../../parts/picture.js';
import { placeAfter } from '../../parts/roving.js';

interface ReadablePictureProps extends PictureProps {
  /** How the number of a pixel is told; rows and columns are counted from 0, as in code. */
  readonly read: (row: number, column: number, value: number) => string;
  /** What is said while no pixel is pointed at. */
  readonly hint: string;
}

/** A picture whose numbers can be read one by one: by pointing, or with the arrow keys. */
export function ReadablePicture({ read, hint, label, ...picture }: ReadablePictureProps) {
  const { values, width, height } = picture;
  const pointed = useSignal<number | null>(null);
  const at = pointed.value !== null && pointed.value < values.length ? pointed.value : null;

  const onPointer = (event: PointerEvent & { readonly currentTarget: HTMLElement }): void => {
    const box = event.currentTarget.getBoundingClientRect();
    const cellOf = (place: number, size: number, count: number): number =>
      Math.max(0, Math.min(count - 1, Math.floor((place / size) * count)));
    const column = cellOf(event.clientX - box.left, box.width, width);
    const row = cellOf(event.clientY - box.top, box.height, height);
    pointed.value = row * width + column;
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.metaKey || event.altKey) return;
    const grid = { count: values.length, columns: width, isWhole: event.ctrlKey };
    const next = placeAfter(event.key, at ?? 0, grid);
    if (next === null) return;
    event.preventDefault();
    pointed.value = at === null ? 0 : next;
  };

  const [row, column] = at === null ? [0, 0] : [Math.floor(at / width), at % width];
  return (
    <div class="draw-readable">
      <div
        class="draw-reading"
        role="application"
        tabIndex={0}
        aria-label={label}
        style={{ aspectRatio: `${width} / ${height}` }}
        onPointerMove={onPointer}
        onPointerDown={onPointer}
        onKeyDown={onKeyDown}
      >
        <Picture {...picture} label="" />
        {at !== null && (
          <div
            class="draw-cell"
            style={{
              left: `${(100 * column) / width}%`,
              top: `${(100 * row) / height}%`,
              width: `${100 / width}%`,
              height: `${100 / height}%`,
            }}
          />
        )}
      </div>
      <p class="soft draw-small draw-readout" aria-live="polite">
        {at === null ? hint : read(row, column, values[at] ?? 0)}
      </p>
    </div>
  );
}

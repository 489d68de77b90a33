import { useLayoutEffect, useRef } from 'preact/hooks';

export interface PictureProps {
  /** Row by row. */
  readonly values: ArrayLike<number>;
  readonly width: number;
  readonly height: number;
  /**
   * `grey`: from black at `low` to white at `high`; `signed`: blue below 0, orange above, the ground's
   * grey at 0.
   */
  readonly colours: 'grey' | 'signed';
  /** What is drawn as the ends of the colours; by default what `values` has. */
  readonly low?: number;
  readonly high?: number;
  /** For `signed`: how dark the ground under each value is, from 0 to 1, such as a digit's ink. */
  readonly ground?: ArrayLike<number>;
  /** What is seen, for who doesn't see it; empty where what it stands in says it. */
  readonly label: string;
  readonly class?: string;
}

/** Numbers as a small picture, one pixel each; style says how large they are shown. */
export function Picture(props: PictureProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { values, width, height, label } = props;
  useLayoutEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context || width === 0 || height === 0) return;
    const image = new ImageData(width, height);
    const colour = colourOf(props);
    for (let i = 0; i < width * height; i++) image.data.set(colour(values[i] ?? 0, i), 4 * i);
    context.putImageData(image, 0, 0);
  });
  return (
    <canvas
      ref={canvas}
      class={`picture ${props.class ?? ''}`}
      width={width}
      height={height}
      {...(label === '' ? { 'aria-hidden': true } : { role: 'img', 'aria-label': label })}
    />
  );
}

type Colour = (value: number, place: number) => readonly [number, number, number, number];

function colourOf({ values, colours, low, high, ground }: PictureProps): Colour {
  let [least, most] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  if (colours === 'grey') {
    const from = low ?? least;
    const span = (high ?? most) - from || 1;
    return (value) => {
      const level = Math.round((255 * (value - from)) / span);
      return [level, level, level, 255];
    };
  }
  const reach = Math.max(Math.abs(low ?? least), Math.abs(high ?? most)) || 1;
  return (value, place) => {
    const light = 1 - DARKEST * (ground?.[place] ?? 0);
    const share = Math.max(-1, Math.min(1, value / reach));
    const end = share < 0 ? BELOW : ABOVE;
    const mix = (i: number): number => {
      const zero = light * (ZERO[i] ?? 0);
      return Math.round(zero + Math.abs(share) * ((end[i] ?? 0) - zero));
    };
    return [mix(0), mix(1), mix(2), 255];
  };
}

/** Told apart by who doesn't tell red from green, and in grey by their lightness. */
const BELOW = [9, 71, 166];
const ZERO = [245, 245, 245];
const ABOVE = [217, 83, 0];
/** What a ground of 1 takes of the light: it is told from 0, and colours are told from it. */
const DARKEST = 0.45;

import { useLayoutEffect, useRef } from 'preact/hooks';

export interface PictureProps {
  /** Row by row. */
  readonly values: ArrayLike<number>;
  readonly width: number;
  readonly height: number;
  /**
   * `grey`: from black at `low` to white at `high`; `signed`: orange below 0, blue above, as in
   * reports, the ground's grey at 0.
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
  const { values, width, height, colours, low, high, ground, label } = props;
  useLayoutEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context || width === 0 || height === 0) return;
    const image = new ImageData(width, height);
    paint(image.data, props);
    context.putImageData(image, 0, 0);
  }, [values, width, height, colours, low, high, ground]);
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

interface RampProps extends Pick<PictureProps, 'colours' | 'class'> {
  /** What is seen, for who doesn't see it; empty where it is said beside it. */
  readonly label: string;
}

/** The colours of pictures, from their low end to their high one. */
export function Ramp({ colours, ...rest }: RampProps) {
  const values = colours === 'grey' ? RISING : AROUND_0;
  return <Picture {...rest} {...{ values, colours }} width={values.length} height={1} />;
}

const STEPS = 101;
const RISING = Float32Array.from({ length: STEPS }, (_, i) => i / (STEPS - 1));
const AROUND_0 = RISING.map((value) => 2 * value - 1);

/**
 * Writes the colours, RGBA. Views have a hundred pictures that change several times a second, so nothing is made for
 * a pixel but its four numbers.
 */
function paint(pixels: Uint8ClampedArray, props: PictureProps): void {
  const { values, colours, ground } = props;
  const [least, most] = endsOf(props);
  const span = most - least || 1;
  const reach = Math.max(Math.abs(least), Math.abs(most)) || 1;
  for (let place = 0, at = 0; at < pixels.length; place++, at += 4) {
    const value = values[place] ?? 0;
    pixels[at + 3] = 255;
    if (colours === 'grey') {
      pixels.fill(Math.round((255 * (value - least)) / span), at, at + 3);
      continue;
    }
    const light = 1 - DARKEST * (ground?.[place] ?? 0);
    const share = Math.max(-1, Math.min(1, value / reach));
    const end = share < 0 ? BELOW : ABOVE;
    for (let i = 0; i < 3; i++) {
      const zero = light * (ZERO[i] ?? 0);
      pixels[at + i] = Math.round(zero + Math.abs(share) * ((end[i] ?? 0) - zero));
    }
  }
}

/** The ends of the colours: those that are given, and else those of the values. */
function endsOf({ values, low, high }: PictureProps): readonly [number, number] {
  if (low !== undefined && high !== undefined) return [low, high];
  let [least, most] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return [low ?? least, high ?? most];
}

/** Told apart by who doesn't tell red from green, and in grey by their lightness. */
const BELOW = [217, 83, 0];
const ZERO = [245, 245, 245];
const ABOVE = [9, 71, 166];
/** What a ground of 1 takes of the light: it is told from 0, and colours are told from it. */
const DARKEST = 0.45;

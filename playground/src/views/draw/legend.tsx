import { Ramp } from '../../parts/picture.js';

/** The colours of a picture, from its low end to its high one, with the numbers and words that they mean. */
export function Legend(props: {
  readonly colours: 'grey' | 'signed';
  readonly low: string;
  readonly high: string;
}) {
  const { colours, low, high } = props;
  return (
    <div class="draw-legend draw-small">
      <span>{low}</span>
      <Ramp colours={colours} class="draw-ramp" label="" />
      <span>{high}</span>
    </div>
  );
}

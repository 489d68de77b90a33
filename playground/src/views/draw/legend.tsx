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
      <div class={`draw-ramp draw-ramp-${colours}`} />
      <span>{high}</span>
    </div>
  );
}

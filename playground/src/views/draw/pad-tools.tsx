import { DRAW_TEXTS } from '../../texts/draw.js';
import { isEmpty } from './drawing.js';
import { brush, history } from './state.js';
import { stepBack, stepForward, wipe } from './steps.js';

const { pad } = DRAW_TEXTS;

/** What is below the drawing area. */
export function PadTools() {
  const { past, present, future } = history.value;
  return (
    <div class="row draw-tools">
      <Step act={stepBack} isIdle={past.length === 0} text={pad.undo} />
      <Step act={stepForward} isIdle={future.length === 0} text={pad.redo} />
      <Step act={wipe} isIdle={isEmpty(present)} text={pad.clear} />
      <label class="draw-brush">
        {pad.brush}
        <input
          type="range"
          min="1"
          max="5"
          step="0.5"
          value={brush.value}
          aria-valuetext={pad.width(brush.value)}
          onInput={(event) => {
            brush.value = event.currentTarget.valueAsNumber;
          }}
        />
      </label>
    </div>
  );
}

/** A button that keeps the focus where it has nothing to do any more. */
function Step(props: {
  readonly act: () => void;
  readonly isIdle: boolean;
  readonly text: string;
}) {
  return (
    <button type="button" onClick={props.act} aria-disabled={props.isIdle}>
      {props.text}
    </button>
  );
}

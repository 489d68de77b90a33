import { useEffect } from 'preact/hooks';
import '../../style/draw.css';
import { DRAW_TEXTS } from '../../texts/draw.js';
import { AnswerPanel } from './answer-panel.js';
import { Explain } from './explain.js';
import { follow } from './follow.js';
import { Maps } from './maps.js';
import { Pad } from './pad.js';
import { PadTools } from './pad-tools.js';
import { PhotoInput } from './photo-input.js';
import { Samples } from './samples.js';
import { Seen } from './seen.js';
import { VerdictLine } from './verdict-line.js';
import { Wrong } from './wrong.js';

const { pad } = DRAW_TEXTS;

/** A digit is drawn or chosen, and the network says what it takes it for, and why. */
export function DrawView() {
  useEffect(follow, []);
  return (
    <div class="draw-view">
      <section class="panel" aria-labelledby="draw-title">
        <h2 id="draw-title">{pad.title}</h2>
        <Pad />
        <VerdictLine />
        <PadTools />
        <Seen />
        <p id="draw-help" class="soft draw-small">
          {pad.help}
        </p>
      </section>
      <div class="draw-group">
        <AnswerPanel />
        <Wrong />
      </div>
      <div class="draw-group">
        <Samples />
        <PhotoInput />
      </div>
      <Explain />
      <Maps />
    </div>
  );
}

import { PAGE_TEXTS } from '../../texts/page.js';
import { ChoicePanel } from './choice-panel.js';
import { DevicePanel } from './device-panel.js';
import { MeasurePanel } from './measure-panel.js';
import '../../style/engine.css';

/** What computes: which engines there are here, how fast each is, and which the next run takes. */
export function EngineView() {
  return (
    <>
      <h2>{PAGE_TEXTS.views.engine}</h2>
      <div class="engine-view">
        <ChoicePanel />
        <DevicePanel />
        <MeasurePanel />
      </div>
    </>
  );
}

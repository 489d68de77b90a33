import { runs } from '../../state/runs.js';
import '../../style/take.css';
import { TEXTS } from '../../texts.js';
import { Downloads } from './downloads.js';
import { LoadWeights } from './load-weights.js';
import { OpenedLink } from './opened-link.js';
import { Programs } from './programs.js';
import { ShareLink } from './share-link.js';

/** What one takes home: a link, files and programs; and what one brings along. */
export function TakeView() {
  const [run] = runs.value;
  return (
    <div class="take">
      <h2 class="unseen">{TEXTS.page.views.take}</h2>
      <OpenedLink />
      {run ? (
        <>
          <ShareLink run={run} />
          <div class="take-files">
            <Downloads run={run} />
            <LoadWeights run={run} />
          </div>
          <Programs run={run} />
        </>
      ) : (
        <p>{TEXTS.take.noRun}</p>
      )}
    </div>
  );
}

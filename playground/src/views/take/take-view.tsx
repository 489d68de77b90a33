import { runs } from '../../state/runs.js';
import '../../style/take.css';
import { PAGE_TEXTS } from '../../texts/page.js';
import { TAKE_TEXTS } from '../../texts/take.js';
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
      <h2 class="unseen">{PAGE_TEXTS.views.take}</h2>
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
        <p>{TAKE_TEXTS.noRun}</p>
      )}
    </div>
  );
}

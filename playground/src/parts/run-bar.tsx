import { fixed, grouped, percent, speed } from '@unfold/monitor/internal/browser';
import { useLayoutEffect } from 'preact/hooks';
import {
  act,
  type Action,
  faultOfDraft,
  faultOfStart,
  isFresh,
  isWanted,
  RECENT,
  target,
  targets,
} from '../state/controls.js';
import { digitSets } from '../state/digit-sets.js';
import { recentMean } from '../state/history.js';
import { actionOf, KEYS, keysAct } from '../state/keys.js';
import { route } from '../state/route.js';
import { type Run, runs } from '../state/runs.js';
import '../style/run-bar.css';
import { TRAIN_TEXTS } from '../texts/train.js';

const { bar, keys } = TRAIN_TEXTS;

/** How training stands, and what starts and stops it; on all views, so that it goes on while one draws. */
export function RunBar() {
  useKeys();
  return (
    <section class="run-bar" aria-label={bar.label}>
      <Controls />
      <div class="run-rows">
        {runs.value.map((run) => (
          <RunRow key={run.name} run={run} isOne={runs.value.length === 1} />
        ))}
      </div>
    </section>
  );
}

function useKeys(): void {
  // Not after the first paint: a key that is pressed by then would do nothing.
  useLayoutEffect(() => {
    const hear = (event: KeyboardEvent): void => {
      const action = keysAct.value ? actionOf(event) : null;
      if (action) void act(action);
    };
    document.addEventListener('keydown', hear);
    return () => document.removeEventListener('keydown', hear);
  }, []);
}

function Controls() {
  const isAnyWanted = targets.value.some(isWanted);
  const startFault = isAnyWanted ? null : firstFault(faultOfStart);
  const resetFault = firstFault(faultOfDraft);
  return (
    <div class="run-controls">
      <ActionButton action="toggle" fault={startFault} class="primary run-toggle">
        {isAnyWanted ? bar.pause : bar.start}
      </ActionButton>
      <ActionButton action="step" fault={startFault}>
        {bar.step}
      </ActionButton>
      <ActionButton action="epoch" fault={startFault}>
        {bar.epoch}
      </ActionButton>
      <ActionButton action="reset" fault={resetFault}>
        {bar.reset}
      </ActionButton>
      {runs.value.length > 1 && <TargetChoice />}
      <KeyList />
    </div>
  );
}

function firstFault(faultOf: (run: Run) => string | null): string | null {
  return targets.value.map(faultOf).find((fault) => fault !== null) ?? null;
}

interface ActionButtonProps {
  readonly action: Action;
  /** Why it can't be done now; null if it can. */
  readonly fault: string | null;
  readonly class?: string;
  readonly children: string;
}

/** A button that stays within reach of the keyboard where it can't act, and says why then. */
function ActionButton({ action, fault, children, ...props }: ActionButtonProps) {
  const id = `run-${action}-fault`;
  return (
    <button
      type="button"
      class={props.class}
      aria-disabled={fault !== null}
      aria-describedby={fault === null ? undefined : id}
      title={fault ?? undefined}
      onClick={() => {
        if (fault === null) void act(action);
      }}
    >
      {children}
      {fault !== null && (
        <span id={id} hidden>
          {fault}
        </span>
      )}
    </button>
  );
}

function TargetChoice() {
  return (
    <label class="run-target">
      {bar.target}{' '}
      <select
        value={target.value}
        onChange={(event) => {
          target.value = event.currentTarget.value as typeof target.value;
        }}
      >
        {Object.entries(bar.targets).map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

function KeyList() {
  return (
    <details
      class="run-keys"
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        event.currentTarget.open = false;
        event.currentTarget.querySelector('summary')?.focus();
      }}
    >
      <summary>{keys.title}</summary>
      <div class="panel">
        <dl>
          {KEYS.map(({ key, action }) => (
            <div key={key}>
              <dt>
                <kbd>{key === 'R' ? 'Shift R' : key.toUpperCase()}</kbd>
              </dt>
              <dd>{keys.list[action]}</dd>
            </div>
          ))}
          {keys.more.map(([key, text]) => (
            <div key={key}>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{text}</dd>
            </div>
          ))}
        </dl>
        <label class="check">
          <input
            type="checkbox"
            checked={keysAct.value}
            onChange={(event) => {
              keysAct.value = event.currentTarget.checked;
            }}
          />{' '}
          {keys.enabled}
        </label>
        <p class="soft">{keys.note}</p>
      </div>
    </details>
  );
}

function RunRow({ run, isOne }: { run: Run; isOne: boolean }) {
  return (
    <div class={`run-row run-${run.name}`} role="group" aria-label={bar.run(run.name)}>
      {!isOne && (
        <button type="button" class="run-name" onClick={() => void act('toggle', [run])}>
          <span class="run-mark" aria-hidden="true" /> {run.name}{' '}
          <span class="run-verb">{isWanted(run) ? bar.pause : bar.start}</span>
        </button>
      )}
      <RunStatus run={run} />
      <RunFigures run={run} />
    </div>
  );
}

function RunStatus({ run }: { run: Run }) {
  const loading = digitSets.value;
  const isPreparing = run.state.value === 'preparing';
  if (isPreparing && loading.state === 'loading') {
    const share = loading.bytes / loading.of;
    return (
      <p class="run-status">
        <label>
          {bar.loading} <progress value={share} max={1} />
        </label>
      </p>
    );
  }
  const fault = run.fault.value;
  const stands = stateOf(run);
  if (stands === 'ready') {
    const reason = faultOfStart(run);
    if (reason !== null) return <CannotStart reason={reason} />;
  }
  return (
    <p class={`run-status ${fault === null ? '' : 'bad'}`}>
      {bar.states[stands]}
      {fault !== null && `: ${fault}`}
      {run.state.value === 'failed' && (
        <>
          {' '}
          <button type="button" onClick={() => void act('reset', [run])}>
            {bar.again}
          </button>
        </>
      )}
    </p>
  );
}

/** Where the network is edited, the reason stands beside it, and the bar keeps its height while one types. */
function CannotStart({ reason }: { reason: string }) {
  const isSaid = route.value.view === 'train';
  return (
    <p class="run-status bad" title={reason}>
      {bar.cannotStart}
      <span class={isSaid ? 'unseen' : undefined}>: {reason}</span>
    </p>
  );
}

function stateOf(run: Run): keyof typeof bar.states {
  const state = run.state.value;
  if (state !== 'paused') return state;
  if (run.fault.value !== null) return 'stopped';
  return isFresh(run) ? 'ready' : 'paused';
}

function RunFigures({ run }: { run: Run }) {
  const progress = run.progress.value;
  const { losses, accuracies } = run.history.value;
  const [loss, accuracy] = [recentMean(losses, RECENT), recentMean(accuracies, RECENT)];
  const validation = run.validation.value;
  const rate = progress?.imagesPerSecond ?? null;
  const figures = [
    ['step', grouped(progress?.step ?? 0)],
    ['epoch', (progress?.epoch ?? 0).toFixed(2)],
    ['loss', loss === null ? null : fixed(loss)],
    ['accuracy', accuracy === null ? null : percent(accuracy)],
    ['validation', validation && percent(validation.accuracy)],
    ['speed', rate === null ? null : speed(Math.round(rate))],
  ] as const;
  return (
    <dl class="run-figures">
      {figures.map(([name, text]) => (
        <div key={name} class={`run-${name}`}>
          <dt
            title={name in bar.meaning ? bar.meaning[name as keyof typeof bar.meaning] : undefined}
          >
            {bar.figures[name]}
          </dt>
          <dd>{text ?? bar.none}</dd>
        </div>
      ))}
    </dl>
  );
}

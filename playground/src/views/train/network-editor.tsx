import { grouped } from '@unfold/monitor/internal/browser';
import { useEffect, useRef, useState } from 'preact/hooks';
import { SelectField } from '../../parts/select-field.js';
import { kindOf, LAYER_KINDS } from '../../spec/kinds.js';
import type { LayerKind, NetworkSpec } from '../../spec/layers.js';
import { inspectNetwork, type NetworkReport } from '../../spec/network.js';
import { isPresetName, PRESET_NAMES, presetNameOf, PRESETS } from '../../spec/presets.js';
import { announce } from '../../state/announcement.js';
import { draftOf, dropDraft, editDraft, isEdited } from '../../state/draft.js';
import {
  insertLayer,
  moveLayer,
  placeFor,
  removeLayer,
  replaceLayer,
} from '../../state/network-edits.js';
import { isFresh } from '../../state/controls.js';
import type { Run } from '../../state/runs.js';
import { SPEC_TEXTS } from '../../texts/spec.js';
import { TRAIN_TEXTS } from '../../texts/train.js';
import { LayerCard } from './layer-card.js';

const { network: texts } = TRAIN_TEXTS;

/** The network of a run's draft: where it begins, its layers, and what they cost. */
export function NetworkEditor({ run }: { run: Run }) {
  const { network } = draftOf(run);
  const report = inspectNetwork(network);
  const edit = (changed: NetworkSpec): void => editDraft(run, { network: changed });
  return (
    <>
      <PresetChoice network={network} onChoose={edit} />
      <p class="totals">{texts.totals(grouped(report.parameters), grouped(report.macs))}</p>
      <DraftState run={run} report={report} />
      <Layers network={network} report={report} onEdit={edit} />
    </>
  );
}

function PresetChoice(props: { network: NetworkSpec; onChoose: (network: NetworkSpec) => void }) {
  const { network, onChoose } = props;
  const own = [['own', texts.custom]] as const;
  const preset = presetNameOf(network) ?? 'own';
  return (
    <SelectField
      label={texts.preset}
      value={preset}
      choices={[
        ...(preset === 'own' ? own : []),
        ...PRESET_NAMES.map((name) => [name, SPEC_TEXTS.presets[name]] as const),
      ]}
      onValue={(name) => {
        if (isPresetName(name)) onChoose(PRESETS[name]);
      }}
    />
  );
}

/** Whether the draft is what trains; its room is kept, so that the cards below don't move. */
function DraftState({ run, report }: { run: Run; report: NetworkReport }) {
  const isBegun = !isFresh(run);
  const { fault } = report;
  const edited = isEdited(run);
  return (
    <div class="draft-state">
      {fault ? (
        <p class="bad">
          {texts.impossible} {fault.layer === null ? '' : `${report.layers[fault.layer]?.name}: `}
          {fault.reason}
          {isBegun && ` ${texts.keeps}`}
        </p>
      ) : (
        <p class={edited ? 'changed' : 'soft'}>
          {edited ? (isBegun ? texts.changed : texts.fresh) : texts.unchanged}
        </p>
      )}
      {edited && (
        <button type="button" onClick={() => dropDraft(run)}>
          {texts.undo}
        </button>
      )}
    </div>
  );
}

interface LayersProps {
  readonly network: NetworkSpec;
  readonly report: NetworkReport;
  readonly onEdit: (network: NetworkSpec) => void;
}

/** What gets the focus when the cards have changed, as the button that was pressed may be elsewhere. */
interface Focus {
  readonly place: number;
  readonly on: 'up' | 'down' | 'card';
}

function Layers({ network, report, onEdit }: LayersProps) {
  const list = useRef<HTMLOListElement>(null);
  const wanted = useRef<Focus | null>(null);
  const [dragged, setDragged] = useState<number | null>(null);
  useEffect(() => {
    const { place, on } = wanted.current ?? {};
    wanted.current = null;
    const card = place === undefined ? undefined : list.current?.children[place];
    if (!(card instanceof HTMLElement)) return;
    const button = card.querySelector<HTMLElement>(
      `[data-act="${on}"]:not([aria-disabled="true"])`,
    );
    (button ?? card).focus();
  });
  const nameAt = (changed: NetworkSpec, place: number): string =>
    inspectNetwork(changed).layers[place]?.name ?? '';
  const move = (from: number, to: number, on: Focus['on']): void => {
    const changed = moveLayer(network, from, to);
    if (changed === network) return;
    wanted.current = { place: to, on };
    onEdit(changed);
    announce(texts.moved(nameAt(changed, to), to + 1));
  };
  const add = (kind: LayerKind): void => {
    const place = placeFor(kind, network);
    const changed = insertLayer(network, place, kindOf(kind).initial);
    wanted.current = { place, on: 'card' };
    onEdit(changed);
    announce(texts.added(nameAt(changed, place), place + 1));
  };
  const remove = (place: number): void => {
    wanted.current = { place: Math.min(place, network.length - 2), on: 'card' };
    onEdit(removeLayer(network, place));
    announce(texts.removed(report.layers[place]?.name ?? ''));
  };
  return (
    <>
      <p class="soft network-input">{texts.input}</p>
      <ol class="layers" ref={list}>
        {network.map((layer, place) => (
          <LayerCard
            // By place: a layer that moves changes with its neighbour, and keeps no state of its own.
            key={place}
            layer={layer}
            report={report.layers[place]}
            fault={report.fault?.layer === place ? report.fault.reason : null}
            isFirst={place === 0}
            isLast={place === network.length - 1}
            isDragged={dragged === place}
            onChange={(changed) => onEdit(replaceLayer(network, place, changed))}
            onMove={(by, on) => move(place, place + by, on)}
            onRemove={() => remove(place)}
            onDrag={(is) => setDragged(is ? place : null)}
            onDrop={() => {
              if (dragged !== null) move(dragged, place, 'card');
              setDragged(null);
            }}
          />
        ))}
      </ol>
      <AddLayer onAdd={add} />
    </>
  );
}

function AddLayer({ onAdd }: { onAdd: (kind: LayerKind) => void }) {
  const [kind, setKind] = useState<LayerKind>('conv');
  return (
    <form
      class="row add-layer"
      onSubmit={(event) => {
        event.preventDefault();
        onAdd(kind);
      }}
    >
      <SelectField
        label={texts.kind}
        value={kind}
        choices={LAYER_KINDS.map((name) => [name, SPEC_TEXTS.layers[name]] as const)}
        onValue={setKind}
      />
      <button type="submit">{texts.add}</button>
    </form>
  );
}

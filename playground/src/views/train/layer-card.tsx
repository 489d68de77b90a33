import { grouped } from '@unfold/monitor/internal/browser';
import { useId } from 'preact/hooks';
import { NumberField } from '../../parts/number-field.js';
import { type FieldValue, fieldsOf, shapeText, withValue } from '../../spec/kinds.js';
import type { LayerShape, LayerSpec } from '../../spec/layers.js';
import type { LayerReport } from '../../spec/network.js';
import { SPEC_TEXTS } from '../../texts/spec.js';
import { TRAIN_TEXTS } from '../../texts/train.js';

const { network: texts } = TRAIN_TEXTS;

export interface LayerCardProps {
  readonly layer: LayerSpec;
  readonly report: LayerReport | undefined;
  /** Why it can't be where it is; null if it can. */
  readonly fault: string | null;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  readonly isDragged: boolean;
  readonly onChange: (layer: LayerSpec) => void;
  /** By one place; `on` is what has the focus then. */
  readonly onMove: (by: -1 | 1, on: 'up' | 'down' | 'card') => void;
  readonly onRemove: () => void;
  readonly onDrag: (is: boolean) => void;
  readonly onDrop: () => void;
}

/** A layer with its fields, what it makes of what comes in, and the buttons that move and remove it. */
export function LayerCard(props: LayerCardProps) {
  const { layer, report, fault, isDragged, onMove, onDrag, onDrop } = props;
  const id = useId();
  const name = report?.name ?? '';
  const kind = SPEC_TEXTS.layers[layer.kind];
  return (
    <li
      class={`layer ${fault === null ? '' : 'faulty'} ${isDragged ? 'dragged' : ''}`}
      tabIndex={-1}
      aria-labelledby={`${id}-name`}
      onKeyDown={(event) => {
        if (!event.altKey || !(event.key === 'ArrowUp' || event.key === 'ArrowDown')) return;
        event.preventDefault();
        onMove(event.key === 'ArrowUp' ? -1 : 1, 'card');
      }}
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        onDrop();
      }}
    >
      <div class="layer-head">
        <span
          class="layer-grip"
          draggable
          title={texts.drag}
          aria-hidden="true"
          onDragStart={(event) => {
            // Firefox drags nothing without data.
            event.dataTransfer?.setData('text/plain', name);
            onDrag(true);
          }}
          onDragEnd={() => onDrag(false)}
        />
        <h4 id={`${id}-name`}>
          {kind} <span class="soft">{name}</span>
        </h4>
        <CardButtons {...props} name={name} />
      </div>
      <Fields layer={layer} onChange={props.onChange} />
      {fault === null ? (
        <p class="layer-cost">
          <span>{texts.shapes(textOf(report?.input), textOf(report?.output))}</span>
          {report && report.parameters > 0 && (
            <span>{texts.parameters(grouped(report.parameters))}</span>
          )}
          {report && report.macs > 0 && <span>{texts.macs(grouped(report.macs))}</span>}
        </p>
      ) : (
        <p class="bad layer-fault" role="alert">
          {fault}
        </p>
      )}
    </li>
  );
}

const textOf = (shape: LayerShape | null | undefined): string =>
  shape ? shapeText(shape) : texts.unknown;

function CardButtons(props: LayerCardProps & { name: string }) {
  const { name, isFirst, isLast, onMove, onRemove } = props;
  return (
    <div class="layer-buttons">
      <button
        type="button"
        data-act="up"
        aria-label={texts.up(name)}
        title={texts.up(name)}
        aria-disabled={isFirst}
        onClick={() => onMove(-1, 'up')}
      >
        <Arrow turned={false} />
      </button>
      <button
        type="button"
        data-act="down"
        aria-label={texts.down(name)}
        title={texts.down(name)}
        aria-disabled={isLast}
        onClick={() => onMove(1, 'down')}
      >
        <Arrow turned />
      </button>
      <button
        type="button"
        aria-label={texts.remove(name)}
        title={texts.remove(name)}
        onClick={onRemove}
      >
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path d="M4 4l8 8M12 4l-8 8" />
        </svg>
      </button>
    </div>
  );
}

function Arrow({ turned }: { turned: boolean }) {
  return (
    <svg viewBox="0 0 16 16" aria-hidden="true">
      <path d={turned ? 'M8 3v10M4 9l4 4 4-4' : 'M8 13V3M4 7l4-4 4 4'} />
    </svg>
  );
}

/** Beside the first, fields whose value is seldom another than the first are put behind a fold. */
const SELDOM: ReadonlySet<string> = new Set(['dilation', 'groups', 'bias']);

interface FieldsProps {
  readonly layer: LayerSpec;
  readonly onChange: (layer: LayerSpec) => void;
}

function Fields({ layer, onChange }: FieldsProps) {
  const fields = fieldsOf(layer);
  if (fields.length === 0) return null;
  const seldom = fields.filter(({ name }) => SELDOM.has(name));
  const change = (name: string, value: number | boolean): void =>
    onChange(withValue(layer, name, value));
  return (
    <div class="layer-fields">
      {fields
        .filter(({ name }) => !SELDOM.has(name))
        .map((field) => (
          <LayerField key={field.name} of={field} onValue={change} />
        ))}
      {seldom.length > 0 && (
        <details>
          <summary>{texts.more}</summary>
          <div class="layer-fields">
            {seldom.map((field) => (
              <LayerField key={field.name} of={field} onValue={change} />
            ))}
          </div>
        </details>
      )}
    </div>
  );
}

interface LayerFieldProps {
  readonly of: FieldValue;
  readonly onValue: (name: string, value: number | boolean) => void;
}

function LayerField({ of: { name, field, value }, onValue }: LayerFieldProps) {
  const label = SPEC_TEXTS.fields[name];
  if (field === 'flag' || typeof value === 'boolean') {
    return (
      <label class="check">
        <input
          type="checkbox"
          checked={value === true}
          onChange={(event) => onValue(name, event.currentTarget.checked)}
        />
        {label}
      </label>
    );
  }
  return (
    <NumberField
      label={label}
      value={value}
      {...field}
      onValue={(changed) => onValue(name, changed)}
    />
  );
}

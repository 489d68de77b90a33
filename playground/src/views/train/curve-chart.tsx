import { useSignal, useSignalEffect } from '@preact/signals';
import { giveLanguage } from '@unfold/monitor/internal/browser';
import { useEffect, useRef, useState } from 'preact/hooks';
import type uPlot from 'uplot';
import { useVisible } from '../../parts/use-visible.js';
import { theme } from '../../state/theme.js';
import { TRAIN_TEXTS } from '../../texts/train.js';
import type { CurveData } from './curve-data.js';
import type { plotCurves } from './curve-plot.js';
import { CurveLegend } from './curve-legend.js';

const { curves: texts } = TRAIN_TEXTS;

export interface CurveChartProps {
  readonly title: string;
  /** What will be there, in place of the curves until they begin. */
  readonly empty: string;
  readonly axis: string;
  readonly isLogarithmic: boolean;
  /** The runs' names, in the order of the curves. */
  readonly names: readonly string[];
  /** Reads the signals that the curves depend on. */
  readonly data: () => CurveData;
  /** What stands at the cursor, as it is read by people. */
  readonly textOf: (value: number) => string;
}

/** Milliseconds between two drawings. */
const PACE = 250;
const HEIGHT = 260;

/**
 * The curves of one or two runs. The program that draws them is loaded when they begin; they are drawn
 * anew a few times a second at most, and only while they are in sight.
 */
export function CurveChart(props: CurveChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const isVisible = useVisible(place);
  const isDue = useRef(false);
  const [hasFailed, setHasFailed] = useState(false);
  const [hasBegun, setHasBegun] = useState(false);
  const latest = useRef(props);
  latest.current = props;
  const names = props.names.join();
  const values = useSignal<readonly (number | null)[]>([]);
  const tell = (): void => {
    if (plot.current) values.value = valuesOf(plot.current);
  };

  const draw = (): void => {
    const { data } = latest.current;
    if (!plot.current || !isVisible.peek()) return;
    const columns = columnsOf(data());
    // When a run came or went, the chart with its lines is about to be made.
    if (columns.length !== plot.current.series.length) return;
    plot.current.setData(columns);
    tell();
  };
  /** Draws soon, once for all that happens until then. */
  const drawSoon = (): void => {
    if (isDue.current) return;
    isDue.current = true;
    setTimeout(() => {
      isDue.current = false;
      draw();
    }, PACE);
  };

  useSignalEffect(() => {
    setHasBegun(latest.current.data().steps.length > 0);
    if (isVisible.value) drawSoon();
  });

  useEffect(() => {
    const element = place.current;
    if (!element || !hasBegun) return;
    let isGone = false;
    const stop: (() => void)[] = [];
    void load().then(
      (plotIn) => {
        if (isGone) return;
        const make = (): void => {
          plot.current?.destroy();
          const columns = columnsOf(latest.current.data());
          const options = { ...latest.current, height: HEIGHT, onPoint: tell };
          plot.current = plotIn(element, columns, options);
          tell();
        };
        make();
        const sizes = new ResizeObserver(() => {
          const width = element.clientWidth;
          if (width > 0) plot.current?.setSize({ width, height: HEIGHT });
        });
        sizes.observe(element);
        const dark = matchMedia('(prefers-color-scheme: dark)');
        dark.addEventListener('change', make);
        // The page's colours are set by then.
        const colours = theme.subscribe(() => queueMicrotask(make));
        stop.push(colours, () => sizes.disconnect());
        stop.push(() => dark.removeEventListener('change', make));
      },
      () => setHasFailed(true),
    );
    return () => {
      isGone = true;
      for (const end of stop) end();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [names, hasBegun]);

  return (
    <>
      <div class="curve-place">
        <div
          class="curve-plot"
          ref={place}
          role="img"
          aria-label={props.title}
          style={{ minHeight: HEIGHT }}
        />
        {!hasBegun && <p class="curve-empty soft">{props.empty}</p>}
      </div>
      {hasFailed && <p class="bad">{texts.failed}</p>}
      <CurveLegend names={props.names} values={values} textOf={props.textOf} />
    </>
  );
}

async function load(): Promise<typeof plotCurves> {
  giveLanguage();
  return (await import('./curve-plot.js')).plotCurves;
}

const columnsOf = ({ steps, curves }: CurveData): uPlot.AlignedData => [
  steps,
  ...curves.flatMap(({ batches, mean, validation }) => [batches, mean, validation]),
];

/** The value of each line at the pointer, or while there is none, the one that it ends with. */
function valuesOf({ data, cursor: { idx } }: uPlot): (number | null)[] {
  return data.slice(1).map((column) => {
    if (idx !== null && idx !== undefined) return column[idx] ?? null;
    for (let i = column.length - 1; i >= 0; i--) {
      const value = column[i];
      if (value !== null && value !== undefined) return value;
    }
    return null;
  });
}

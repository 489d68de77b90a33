import { useLayoutEffect, useRef } from 'preact/hooks';
import { INSIDE_TEXTS } from '../../texts/inside.js';
import { Backwards } from './backwards.js';
import { Contents, Glossary } from './contents.js';
import { Flipped } from './flipped.js';
import { Forwards } from './forwards.js';
import { Inverse } from './inverse.js';
import { Layers } from './layers.js';
import { Line } from './line.js';
import { Prose } from './prose.js';
import { Puzzles } from './puzzles.js';
import { viewWidth } from './room.js';
import { LayerNotice, Misfit, Sizes, Sources } from './source.js';
import { convolution, example } from './state.js';
import '../../style/inside.css';

const texts = INSIDE_TEXTS;

export function InsideView() {
  const root = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = root.current;
    if (!element) return;
    const measure = (): void => {
      viewWidth.value = element.clientWidth;
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const given = convolution.value;
  return (
    <div class="inside" ref={root}>
      <h2>{texts.title}</h2>
      <Contents />
      <div class="inside-intro">
        {texts.intro.map((text) => (
          <div key={text}>
            <Prose text={text} />
          </div>
        ))}
      </div>
      <div class="inside-top">
        <Sources />
        {given && <Sizes convolution={given} />}
      </div>
      {example.value ? <Misfit /> : <LayerNotice />}
      {given && (
        // The line stays in sight as long as there is something to point at, and no longer.
        <div class="pointable">
          <Line convolution={given} />
          <Layers convolution={given} />
          <Forwards convolution={given} />
          <Backwards convolution={given} />
          <Inverse convolution={given} />
          <Flipped convolution={given} />
        </div>
      )}
      <Puzzles />
      <Glossary />
    </div>
  );
}

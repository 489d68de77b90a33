import { useLayoutEffect, useRef } from 'preact/hooks';
import { INSIDE_TEXTS } from '../../texts/inside.js';
import { Backwards } from './backwards.js';
import { Flipped } from './flipped.js';
import { Forwards } from './forwards.js';
import { Inverse } from './inverse.js';
import { Layers } from './layers.js';
import { Line } from './line.js';
import { Puzzles } from './puzzles.js';
import { viewWidth } from './room.js';
import { LayerNotice, Shapes, Sliders, Sources } from './source.js';
import { convolution, example } from './state.js';
import { Contents } from './words.js';
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
      <div class="inside-intro">
        {texts.intro.map((text) => (
          <p key={text}>{text}</p>
        ))}
      </div>
      <div class="inside-top">
        <Sources />
        <Contents />
      </div>
      {example.value ? <Sliders /> : <LayerNotice />}
      {given && (
        <>
          <Shapes convolution={given} />
          <Line convolution={given} />
          <Layers convolution={given} />
          <Forwards convolution={given} />
          <Backwards convolution={given} />
          <Inverse convolution={given} />
          <Flipped convolution={given} />
        </>
      )}
      <Puzzles />
    </div>
  );
}

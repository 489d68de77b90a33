import { percent } from '@unfold/monitor/internal/browser';
import { useRef, useState } from 'preact/hooks';
import { announce } from '../../state/announcement.js';
import { prepare } from '../../state/controls.js';
import type { Run } from '../../state/runs.js';
import { TAKE_TEXTS } from '../../texts/take.js';
import { sizeText } from './sizes.js';

const texts = TAKE_TEXTS.load;

/** What the worker reads at most, too: a network of the page has a tenth of it. */
const MOST_BYTES = 2 ** 28;

/** @throws Error with a text for people, such as for a folder that was dropped. */
async function bytesOf(file: File): Promise<Uint8Array> {
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch (error) {
    throw new Error(texts.unreadable(file.name), { cause: error });
  }
}

/** Takes a file of weights, dropped or chosen. */
export function LoadWeights({ run }: { readonly run: Run }) {
  const [said, setSaid] = useState('');
  const [fault, setFault] = useState<string | null>(null);
  const [isOver, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);

  const load = async (files: readonly File[]): Promise<void> => {
    const [file] = files;
    if (!file) return;
    setFault(null);
    setSaid(texts.loading);
    try {
      if (files.length > 1) throw new Error(texts.one);
      if (file.size > MOST_BYTES) throw new Error(texts.tooLarge(sizeText(file.size)));
      const bytes = await bytesOf(file);
      if (!(await prepare(run))) throw new Error(run.fault.value ?? TAKE_TEXTS.noRun);
      const { model } = await run.load(bytes, file.name);
      const accuracy = run.validation.value?.accuracy ?? 0;
      const done = texts.loaded(file.name, model, percent(accuracy));
      setSaid(done);
      announce(done);
    } catch (error) {
      setSaid('');
      setFault(texts.refused(error instanceof Error ? error.message : String(error)));
    }
  };

  return (
    <section
      class={`panel take-drop ${isOver ? 'take-over' : ''}`}
      aria-labelledby="load-title"
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        void load([...(event.dataTransfer?.files ?? [])]);
      }}
    >
      <h3 id="load-title">{texts.title}</h3>
      <p class="soft">{texts.about}</p>
      <input
        ref={input}
        type="file"
        hidden
        aria-label={texts.choose}
        onChange={(event) => {
          const files = [...(event.currentTarget.files ?? [])];
          // The same file may be chosen again, after it was mended.
          event.currentTarget.value = '';
          void load(files);
        }}
      />
      <div class="row">
        <button type="button" onClick={() => input.current?.click()}>
          {texts.choose}
        </button>
        <span>{isOver ? texts.drop : said}</span>
      </div>
      {fault !== null && (
        <p class="bad" role="alert">
          {fault}
        </p>
      )}
    </section>
  );
}

import { useSignal } from '@preact/signals';
import { transfer } from 'comlink';
import { useEffect, useMemo } from 'preact/hooks';
import { announce } from '../../state/announcement.js';
import { runs } from '../../state/runs.js';
import { DRAW_TEXTS } from '../../texts/draw.js';
import { newestOnly } from './newest.js';
import { readPhoto } from './photo.js';
import { replaceBy } from './steps.js';
import { troubleOf } from './words.js';

const { photo } = DRAW_TEXTS;

/** Takes a picture from a file, from the camera, dropped anywhere on the page, or pasted. */
export function PhotoInput() {
  const message = useSignal<{ readonly text: string; readonly isBad: boolean } | null>(null);
  const say = (text: string, isBad: boolean): void => {
    message.value = { text, isBad };
    if (isBad) announce(text);
  };
  const read = useReader(async (file) => {
    say(photo.reading, false);
    try {
      const picture = await readPhoto(file);
      const run = runs.value[0];
      if (!run) return say(photo.noLab, true);
      const arrays = picture.alpha ? [picture.grey, picture.alpha] : [picture.grey];
      const pixels = await run.lab.centre(
        transfer(
          picture,
          arrays.map(({ buffer }) => buffer),
        ),
      );
      replaceBy({ base: { pixels, label: null }, strokes: [] }, photo.read);
      say(photo.read, false);
    } catch (error) {
      say(troubleOf(error), true);
    }
  });

  return (
    <section class="panel" aria-labelledby="draw-photo">
      <h3 id="draw-photo">{photo.title}</h3>
      <p class="soft draw-small">{photo.how}</p>
      <div class="row">
        <FileButton text={photo.choose} take={read} />
        <FileButton text={photo.take} take={read} isCamera />
      </div>
      {message.value && (
        <p class={message.value.isBad ? 'bad draw-small' : 'soft draw-small'}>
          {message.value.text}
        </p>
      )}
    </section>
  );
}

interface FileButtonProps {
  readonly text: string;
  readonly take: (file: File) => void;
  readonly isCamera?: boolean;
}

function FileButton({ text, take, isCamera = false }: FileButtonProps) {
  return (
    <label class={isCamera ? 'button draw-file draw-camera' : 'button draw-file'}>
      {text}
      <input
        type="file"
        class="unseen"
        accept="image/*"
        {...(isCamera && { capture: 'environment' })}
        onChange={({ currentTarget: input }) => {
          const file = input.files?.[0];
          // The same file may be chosen again.
          input.value = '';
          if (file) take(file);
        }}
      />
    </label>
  );
}

/** Reads files one after the other, also what is dropped on the page or pasted while the view is shown. */
function useReader(readFile: (file: File) => Promise<void>): (file: File) => void {
  const take = useMemo(() => newestOnly(readFile), []);
  useEffect(() => {
    const dropped = (event: DragEvent): void => {
      if (!event.dataTransfer?.types.includes('Files')) return;
      // Else the browser would leave the page to show the file.
      event.preventDefault();
      const [file] = event.type === 'drop' ? event.dataTransfer.files : [];
      if (file) take(file);
    };
    const pasted = (event: ClipboardEvent): void => {
      const [file] = event.clipboardData?.files ?? [];
      if (file) take(file);
    };
    document.addEventListener('dragover', dropped);
    document.addEventListener('drop', dropped);
    document.addEventListener('paste', pasted);
    return () => {
      document.removeEventListener('dragover', dropped);
      document.removeEventListener('drop', dropped);
      document.removeEventListener('paste', pasted);
    };
  }, []);
  return take;
}

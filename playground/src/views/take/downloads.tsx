import { useState } from 'preact/hooks';
import { inspectNetwork } from '../../spec/network.js';
import { presetNameOf } from '../../spec/presets.js';
import { announce } from '../../state/announcement.js';
import { prepare } from '../../state/controls.js';
import { experimentAtHand } from '../../state/link.js';
import type { Run } from '../../state/runs.js';
import { noteTaken, standingOf } from '../../state/taken-along.js';
import { TAKE_TEXTS } from '../../texts/take.js';
import { sizeText } from './sizes.js';

const texts = TAKE_TEXTS.files;

/** The run's weights and model as files. */
export function Downloads({ run }: { readonly run: Run }) {
  const { network } = experimentAtHand(run);
  const name = presetNameOf(network) ?? 'network';
  // Four bytes for each parameter, and what says their names.
  const least = 4 * inspectNetwork(network).parameters;
  return (
    <section class="panel" aria-labelledby="files-title">
      <h3 id="files-title">{texts.title}</h3>
      <Download
        run={run}
        label={texts.weights}
        about={texts.weightsAbout}
        least={least}
        file={`${name}.safetensors`}
        make={() => run.lab.safetensors()}
      />
      <Download
        run={run}
        label={texts.onnx}
        about={texts.onnxAbout}
        least={least}
        file={`${name}.onnx`}
        make={() => run.lab.onnx()}
      />
    </section>
  );
}

interface DownloadProps {
  readonly run: Run;
  readonly label: string;
  readonly about: string;
  /** Bytes that it will have, roughly. */
  readonly least: number;
  readonly file: string;
  readonly make: () => Promise<Uint8Array<ArrayBuffer>>;
}

function Download({ run, label, about, least, file, make }: DownloadProps) {
  const [said, setSaid] = useState('');
  const [isMaking, setMaking] = useState(false);
  const [fault, setFault] = useState<string | null>(null);
  const download = async (): Promise<void> => {
    setMaking(true);
    setFault(null);
    try {
      if (!(await prepare(run))) throw new Error(run.fault.value ?? TAKE_TEXTS.noRun);
      // Of a run that goes on meanwhile, the file has this step at least.
      const standing = standingOf(run);
      const bytes = await make();
      save(bytes, file);
      noteTaken(run, standing);
      const done = texts.saved(file, sizeText(bytes.length));
      setSaid(done);
      announce(done);
    } catch (error) {
      setSaid('');
      setFault(error instanceof Error ? error.message : String(error));
    } finally {
      setMaking(false);
    }
  };
  return (
    <div class="take-file">
      <div class="row">
        <button
          type="button"
          aria-disabled={isMaking}
          onClick={() => void (isMaking || download())}
        >
          {label}
        </button>
        <span class="soft">{isMaking ? texts.making : said || texts.about(sizeText(least))}</span>
      </div>
      <p class="soft">{about}</p>
      {fault !== null && (
        <p class="bad" role="alert">
          {fault}
        </p>
      )}
    </div>
  );
}

/** Lets the browser keep some bytes as a file. */
function save(bytes: Uint8Array<ArrayBuffer>, name: string): void {
  const address = URL.createObjectURL(new Blob([bytes], { type: 'application/octet-stream' }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  // The browser reads it after this turn.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

import { useState } from 'preact/hooks';
import { announce } from '../../state/announcement.js';
import { TAKE_TEXTS } from '../../texts/take.js';

const texts = TAKE_TEXTS;

export interface CopyButtonProps {
  /** What is copied. */
  readonly text: string;
  /** What it is, for who doesn't see where the button stands. */
  readonly what: string;
  /** The id of the element that shows the text; it is selected where the page may not copy. */
  readonly from: string;
}

/** Puts a text onto the clipboard, and says so. */
export function CopyButton({ text, what, from }: CopyButtonProps) {
  const [copied, setCopied] = useState<string | null>(null);
  const copy = async (): Promise<void> => {
    const said = (await toClipboard(text)) ? texts.copied : texts.copyFailed;
    if (said === texts.copyFailed) select(from);
    setCopied(said);
    announce(said);
  };
  return (
    <span class="row">
      <button type="button" aria-label={`${texts.copy}: ${what}`} onClick={() => void copy()}>
        {texts.copy}
      </button>
      {/* Of an older text it would not be true. */}
      <span class="soft" key={text}>
        {copied}
      </span>
    </span>
  );
}

/** @returns Whether the browser let it: without a safe connection, say, there is no clipboard. */
async function toClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function select(id: string): void {
  const shown = document.getElementById(id);
  if (shown instanceof HTMLTextAreaElement) {
    shown.focus();
    shown.select();
  } else if (shown) {
    shown.focus();
    getSelection()?.selectAllChildren(shown);
  }
}

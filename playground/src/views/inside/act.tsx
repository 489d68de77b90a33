import type { ComponentChildren } from 'preact';

interface ActProps {
  /** Whether it does nothing just now. */
  readonly isIdle: boolean;
  /** Whether it is what one does next. */
  readonly isPrimary?: boolean;
  readonly act: () => void;
  readonly children: ComponentChildren;
}

/** A button that keeps the focus when it has done all that it can: one that is disabled would lose it. */
export function Act({ isIdle, isPrimary = false, act, children }: ActProps) {
  return (
    <button
      type="button"
      class={isPrimary && !isIdle ? 'primary' : ''}
      aria-disabled={isIdle}
      onClick={() => {
        if (!isIdle) act();
      }}
    >
      {children}
    </button>
  );
}

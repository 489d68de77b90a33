import type { ComponentChildren } from 'preact';

interface JumpProps {
  readonly to: string;
  readonly children: ComponentChildren;
}

/** A link inside the page: the address says the view, so it stays. */
export function Jump({ to, children }: JumpProps) {
  return (
    <a
      href={`#${to}`}
      onClick={(event) => {
        event.preventDefault();
        const target = document.getElementById(to);
        if (target instanceof HTMLDetailsElement) target.open = true;
        const focused = target?.querySelector<HTMLElement>('summary, h3, h4');
        target?.scrollIntoView({ block: 'start' });
        focused?.focus({ preventScroll: true });
      }}
    >
      {children}
    </a>
  );
}

import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { disposeSymbol, Scope, zeros } from '@unfold/core';
import { expect, it } from 'vitest';

const PACKAGES = resolve(import.meta.dirname, '../../packages');

it('is Symbol.dispose where there is one, which `using` looks for', () => {
  expect(disposeSymbol).toBe(Symbol.dispose);
  const scope = new Scope();
  const tensor = zeros([2]);
  scope[disposeSymbol]();
  expect([scope.isClosed, tensor.isDisposed]).toEqual([true, true]);
});

it('the packages are written without `using`, which throws where Symbol.dispose is missing', () => {
  const files = readdirSync(PACKAGES, { recursive: true, encoding: 'utf8' }).filter((file) =>
    /^\w+\/src\/.*\.ts$/.test(file),
  );
  expect(files.length).toBeGreaterThan(100);
  const users = files.filter((file) =>
    /^\s*(await )?using \w+ = |^[^*/]*\bSymbol\.(asyncD|d)ispose\b(?!')/m.test(
      readFileSync(join(PACKAGES, file), 'utf8'),
    ),
  );
  expect(users).toEqual(['core/src/dispose-symbol.ts']);
});

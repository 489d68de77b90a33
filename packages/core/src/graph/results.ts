import { TapeError } from '../errors.js';
import { valueText } from '../options.js';
import { takeResultsApart, type Plain, type Results } from '../results.js';
import type { Tensor } from '../tensor.js';

/**
 * Takes the tensors out of what a traced function returned.
 * @param isStrict Whether other results are an error; else they are left out.
 * @throws TapeError, if strict, for what is neither a tensor nor an array, a plain object or a plain
 * value, and if there is no tensor at all.
 */
export function takeApart(
  returned: unknown,
  isStrict: boolean,
): { results: Results; tensors: Tensor[] } {
  const taken = takeResultsApart(returned, (part) => {
    if (isPlain(part)) return part;
    if (isStrict) throw unfit(part);
    return undefined;
  });
  if (taken.tensors.length === 0 && isStrict) throw unfit(returned);
  return taken;
}

function isPlain(value: unknown): value is Plain {
  return (
    value === null ||
    value === undefined ||
    typeof value === 'number' ||
    typeof value === 'string' ||
    typeof value === 'boolean'
  );
}

function unfit(returned: unknown): TapeError {
  const mend =
    returned instanceof Promise
      ? 'a promise; trace a synchronous function'
      : `${valueText(returned)}; return what was computed`;
  return new TapeError(
    `trace: expected a function that returns tensors, alone or in arrays and plain objects, got ${mend}`,
  );
}

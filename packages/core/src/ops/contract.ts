import { defineFunction, type Context } from '../autograd/function.js';
import type { DType } from '../dtype.js';
import { zeros } from '../creation.js';
import { ConfigError, ShapeError } from '../errors.js';
import { tracer } from '../graph/tracer.js';
import { valueText } from '../options.js';
import { formatShape, sizeOf, stridesOf, type Shape } from '../shape.js';
import { requireTensor, type Tensor } from '../tensor.js';
import { mul } from './arithmetic.js';
import { matmul } from './matmul.js';
import { clone, permute, reshape } from './movement.js';
import { sum } from './reduce.js';
import { copyFrom, copyTo } from './strided.js';
import { composed, requireFloat, sameDType } from './support.js';

/** @throws DTypeError or ShapeError unless both are float tensors of one dtype and so many axes. */
function requirePair(name: string, a: Tensor, b: Tensor, ndim: number): void {
  requireTensor(name, 'a', a);
  requireTensor(name, 'b', b);
  requireFloat(name, a);
  sameDType(name, a, b);
  if (a.ndim === ndim && b.ndim === ndim) return;
  throw new ShapeError(
    `${name}: expected two tensors of ${ndim} dimension${ndim === 1 ? '' : 's'}, got ` +
      `${formatShape(a.shape)} and ${formatShape(b.shape)}; matmul(a, b) takes others`,
  );
}

/**
 * The sum of the products of two vectors `[n]`: a scalar.
 * @throws ShapeError for other dimensions or lengths, DTypeError for integers or mixed dtypes.
 */
export function dot<D extends DType>(a: Tensor<D>, b: Tensor<D>): Tensor<D>;
export function dot(a: Tensor, b: Tensor): Tensor {
  if (tracer) return tracer.operation('dot', dot, { a, b });
  requirePair('dot', a, b, 1);
  if (a.size !== b.size) {
    throw new ShapeError(
      `dot: expected vectors of one length, got ${formatShape(a.shape)} and ${formatShape(b.shape)}`,
    );
  }
  return matmul(a, b);
}

/**
 * The product of each element of a, `[n]`, with each of b, `[m]`: `[n, m]`.
 * @throws ShapeError for other dimensions, DTypeError for integers or mixed dtypes.
 */
export function outer<D extends DType>(a: Tensor<D>, b: Tensor<D>): Tensor<D>;
export function outer(a: Tensor, b: Tensor): Tensor {
  if (tracer) return tracer.operation('outer', outer, { a, b });
  requirePair('outer', a, b, 1);
  return composed(() => mul(reshape(a, [a.size, 1]), b));
}

/**
 * The matrix products of two batches, `[B, M, K]` and `[B, K, N]`: `[B, M, N]`. A batch of 1 goes with
 * every matrix of the other, which `torch.bmm` refuses; `matmul` takes any dimensions.
 * @throws ShapeError for other dimensions or sizes, DTypeError for integers or mixed dtypes.
 */
export function bmm<D extends DType>(a: Tensor<D>, b: Tensor<D>): Tensor<D>;
export function bmm(a: Tensor, b: Tensor): Tensor {
  if (tracer) return tracer.operation('bmm', bmm, { a, b });
  requirePair('bmm', a, b, 3);
  return matmul(a, b);
}

interface Strided {
  readonly shape: Shape;
  readonly strides: readonly number[];
}

/** The elements of x at some strides, no two of them one element; and where elements go to there. */
const takeFunction = defineFunction('diagonal', {
  forward(ctx: Context<Strided & { whole: Shape }>, x: Tensor, { shape, strides }: Strided) {
    ctx.save({ shape, strides, whole: x.shape });
    return copyFrom('diagonal', x, shape, strides);
  },
  backward(ctx, dOut): Tensor {
    const { strides, whole } = ctx.saved;
    return placeFunction(dOut, { shape: whole, strides });
  },
});

const placeFunction = defineFunction('diagonal', {
  forward(ctx: Context<Strided>, x: Tensor, { shape, strides }: Strided) {
    ctx.save({ shape: x.shape, strides });
    const out = zeros(shape, { dtype: x.dtype });
    copyTo(out, x, strides, 0);
    return out;
  },
  backward: (ctx, dOut): Tensor => takeFunction(dOut, ctx.saved),
});

/** A tensor with a letter for each of its axes, or for one of an ellipsis a number, from the back. */
interface Labelled {
  readonly x: Tensor;
  readonly labels: readonly string[];
}

/** What an equation says: the labels of the operands and of the result. */
interface Equation {
  readonly inputs: readonly (readonly string[])[];
  readonly output: readonly string[];
}

const TERM = /^[A-Za-z]*(?:\.\.\.[A-Za-z]*)?$/;

function wrong(equation: string, problem: string): ShapeError {
  return new ShapeError(`einsum: '${equation}': ${problem}`);
}

/** The labels of a term; an ellipsis stands for `ndim` axes less its letters. */
function labelsOf(term: string, ellipsis: number): string[] {
  const [before = '', after] = term.split('...');
  if (after === undefined) return [...before];
  const dots = Array.from({ length: ellipsis }, (_, i) => String(ellipsis - i));
  return [...before, ...dots, ...after];
}

/** @throws ConfigError for what is no equation, ShapeError for one that the operands do not fit. */
function parse(equation: string, operands: readonly Tensor[]): Equation {
  const [left = '', right, ...more] = equation.replaceAll(' ', '').split('->');
  const terms = left.split(',');
  if (more.length > 0 || ![...terms, right ?? ''].every((term) => TERM.test(term))) {
    throw new ConfigError(
      `einsum: expected letters, '...', commas and one '->', such as 'ij,jk->ik', got '${equation}'`,
    );
  }
  if (terms.length !== operands.length) {
    throw wrong(
      equation,
      `${terms.length} operands are described, and ${operands.length} were given`,
    );
  }
  const inputs = terms.map((term, i) => {
    const { ndim, shape } = operands[i];
    const letters = term.replace('...', '').length;
    const fits = term.includes('...') ? letters <= ndim : letters === ndim;
    if (fits) return labelsOf(term, ndim - letters);
    throw wrong(
      equation,
      `'${term}' does not fit operand ${i}, whose shape is ${formatShape(shape)}`,
    );
  });
  const all = inputs.flat();
  const dots = [...new Set(all.filter((label) => /\d/.test(label)))].sort(
    (a, b) => Number(b) - Number(a),
  );
  if (right === undefined) {
    // As NumPy's: what comes once, in alphabetical order, behind the ellipsis.
    const once = [...new Set(all)].filter(
      (label) => !/\d/.test(label) && all.indexOf(label) === all.lastIndexOf(label),
    );
    return { inputs, output: [...dots, ...once.sort()] };
  }
  const output = labelsOf(right, dots.length);
  const missing = output.find((label) => !all.includes(label));
  if (missing !== undefined) {
    throw wrong(equation, `'${missing}' of the result is in no operand`);
  }
  if (new Set(output).size !== output.length) {
    throw wrong(equation, 'the result names an axis twice');
  }
  return { inputs, output };
}

/** The size of each label. @throws ShapeError where operands disagree; 1 goes with any. */
function sizesOf(
  equation: string,
  operands: readonly Tensor[],
  inputs: Equation['inputs'],
): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  inputs.forEach((labels, i) =>
    labels.forEach((label, axis) => {
      const dim = operands[i].shape[axis];
      const known = sizes.get(label) ?? 1;
      if (known !== 1 && dim !== 1 && dim !== known) {
        const name = /\d/.test(label) ? 'an axis of the ellipsis' : `'${label}'`;
        throw wrong(equation, `${name} is ${known} and, in operand ${i}, ${dim}`);
      }
      sizes.set(label, known === 1 ? dim : known);
    }),
  );
  return sizes;
}

/**
 * An operand with each label once, and without those that are of size 1 here and larger elsewhere, along
 * which it does not change.
 */
function simplified(
  x: Tensor,
  labels: readonly string[],
  sizes: ReadonlyMap<string, number>,
): Labelled {
  const steps = new Map<string, number>();
  const own = stridesOf(x.shape);
  labels.forEach((label, axis) => {
    if (x.shape[axis] !== sizes.get(label)) return;
    steps.set(label, (steps.get(label) ?? 0) + own[axis]);
  });
  const kept = [...steps.keys()];
  const shape = kept.map((label) => sizes.get(label) ?? 1);
  if (kept.length === labels.length) return { x, labels: kept };
  // Only axes of size 1 are gone, or an axis came twice, and its diagonal is taken.
  if (sizeOf(shape) === x.size) return { x: reshape(x, shape), labels: kept };
  return { x: takeFunction(x, { shape, strides: [...steps.values()] }), labels: kept };
}

/** Sums over the labels that nobody needs. */
function summed({ x, labels }: Labelled, isNeeded: (label: string) => boolean): Labelled {
  const axes = labels.flatMap((label, axis) => (isNeeded(label) ? [] : [axis]));
  if (axes.length === 0) return { x, labels };
  return { x: sum(x, axes), labels: labels.filter(isNeeded) };
}

/** x with its axes in the order of `wanted`, which are its labels. */
function arranged({ x, labels }: Labelled, wanted: readonly string[]): Tensor {
  if (wanted.every((label, axis) => label === labels[axis])) return x;
  return permute(
    x,
    wanted.map((label) => labels.indexOf(label)),
  );
}

/** One product for two operands: matrices by what each has alone, and what is summed, for each batch. */
function contracted(a: Labelled, b: Labelled, isNeeded: (label: string) => boolean): Labelled {
  const left = summed(a, (label) => isNeeded(label) || b.labels.includes(label));
  const right = summed(b, (label) => isNeeded(label) || a.labels.includes(label));
  const shared = left.labels.filter((label) => right.labels.includes(label));
  const batch = shared.filter(isNeeded);
  const inner = shared.filter((label) => !isNeeded(label));
  const rows = left.labels.filter((label) => !shared.includes(label));
  const columns = right.labels.filter((label) => !shared.includes(label));
  const size = ({ x, labels }: Labelled, of: readonly string[]): number[] =>
    of.map((label) => x.shape[labels.indexOf(label)]);
  const [B, M, N] = [size(left, batch), size(left, rows), size(right, columns)];
  const K = sizeOf(size(left, inner));
  const labels = [...batch, ...rows, ...columns];
  if (inner.length === 0) {
    const stretched = reshape(arranged(left, [...batch, ...rows]), [...B, ...M, ...N.map(() => 1)]);
    const other = reshape(arranged(right, [...batch, ...columns]), [...B, ...M.map(() => 1), ...N]);
    return { x: mul(stretched, other), labels };
  }
  const matrix = (of: Labelled, order: readonly string[], shape: Shape): Tensor =>
    reshape(arranged(of, order), batch.length === 0 ? shape : [sizeOf(B), ...shape]);
  const product = matmul(
    matrix(left, [...batch, ...rows, ...inner], [sizeOf(M), K]),
    matrix(right, [...batch, ...inner, ...columns], [K, sizeOf(N)]),
  );
  return { x: reshape(product, [...B, ...M, ...N]), labels };
}

/**
 * The sum of products that an equation names, as `torch.einsum`: each letter is an axis, those that the
 * result lacks are summed over, and a letter that comes twice in one operand takes its diagonal. `...` are
 * axes that broadcast. Without `->` the result has the letters that come once, in alphabetical order,
 * behind the ellipsis. Any number of operands, which are multiplied from the left, two at a time, each by
 * one `matmul`: `einsum('bij,bjk->bik', a, b)`, `einsum('ii', x)`, `einsum('i,j,k', a, b, c)`.
 * @throws ConfigError for what is no equation, ShapeError where the operands do not fit it, DTypeError for
 * integers or mixed dtypes.
 */
export function einsum(equation: string, ...operands: Tensor[]): Tensor {
  if (typeof equation !== 'string') {
    throw new ConfigError(
      `einsum: expected an equation, such as 'ij,jk->ik', got ${valueText(equation)}`,
    );
  }
  operands.forEach((x, i) => {
    requireTensor('einsum', `operand ${i}`, x);
    requireFloat('einsum', x);
    sameDType('einsum', operands[0], x);
  });
  if (tracer) {
    const named = operands.map((x, i) => [`x${i}`, x] as const);
    return tracer.operation('einsum', einsum, { equation, ...Object.fromEntries(named) });
  }
  const { inputs, output } = parse(equation, operands);
  const sizes = sizesOf(equation, operands, inputs);
  return composed(() => {
    const parts = operands.map((x, i) => simplified(x, inputs[i], sizes));
    let [result] = parts;
    for (let i = 1; i < parts.length; i++) {
      const later = new Set([...output, ...parts.slice(i + 1).flatMap(({ labels }) => labels)]);
      result = contracted(result, parts[i], (label) => later.has(label));
    }
    const whole = arranged(
      summed(result, (label) => output.includes(label)),
      output,
    );
    return operands.includes(whole) ? clone(whole) : whole;
  });
}

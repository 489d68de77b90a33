import { empty, Parameter, type DType, type Shape } from '@unfold/core';

/** A parameter of undefined content, the only owner of its memory: `dispose()` frees it at once. */
export function emptyParameter(shape: Shape, dtype: DType): Parameter {
  const initial = empty(shape, dtype);
  try {
    return new Parameter(initial);
  } finally {
    initial.dispose();
  }
}

/** A parameter of one value, owning its memory likewise. */
export function filledParameter(shape: Shape, dtype: DType, value: number): Parameter {
  const parameter = emptyParameter(shape, dtype);
  parameter.update((data) => data.fill(value));
  return parameter;
}

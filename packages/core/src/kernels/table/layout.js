import { KERNELS, PARAMETERS } from './kernels.js';

/** @import { Parameters, Row } from './kernels.js' */

/*
 * The consequences of the table for both sides of a kernel call: the numbers of the jobs, and the
 * block of words in which a call's arguments lie. A block holds
 *
 *     words 0 … 6   the operands' addresses
 *     word 7        SIZE: how much of the axis that is cut makes a part
 *     from word 8   the parameters, a word each, two for an f64, in the order of their group
 */

/** The names of the first binary's kernels, in the order of their table. */
export const KERNEL_NAMES = /** @type {readonly (keyof typeof KERNELS)[]} */ (Object.keys(KERNELS));

/** Elements in a part, about: long enough to be worth taking, short enough to share out. */
export const PART = 16384;

/** Words of a block. */
export const SIZE = 7;
export const FIRST_PARAMETER = 8;

/**
 * The parameters of a kernel with constants of its own: before them comes the first operand's length.
 * @template {Parameters} P
 * @param {P} constants
 */
export const behindLength = (constants) => ({ n: /** @type {const} */ ('i32'), ...constants });

/**
 * The parameters of a row, in their order.
 * @param {Row} row
 * @returns {Parameters}
 */
export function parametersOf({ parameters }) {
  return typeof parameters === 'string' ? PARAMETERS[parameters] : behindLength(parameters);
}

/**
 * The first word of each parameter, and `end`, the word behind the last.
 * @template {Parameters} P
 * @param {P} parameters
 * @returns {{ readonly [K in keyof P | 'end']: number }}
 */
export function placesOf(parameters) {
  let end = FIRST_PARAMETER;
  const places = Object.entries(parameters).map(([name, type]) => {
    const place = end;
    end += type === 'f64' ? 2 : 1;
    return [name, place];
  });
  const all = Object.fromEntries([...places, ['end', end]]);
  return /** @type {{ readonly [K in keyof P | 'end']: number }} */ (all);
}

/** Whether a dimension is given as a number. @param {string} dimension */
export const isNumber = (dimension) => /^\d+$/.test(dimension);

/**
 * An operand as its row writes it.
 * @typedef {object} Operand
 * @property {'out' | 'in' | 'inout'} role
 * @property {string} name
 * @property {'f32' | 'f64' | 'i32' | 'u8'} dtype
 * @property {readonly string[]} dimensions Empty for a walk.
 * @property {string | undefined} strides The name of its strides, if it is walked at some.
 */

/**
 * @param {string} text
 * @returns {Operand}
 * @throws {Error} if it is not of the form that kernels.js describes.
 */
export function parseOperand(text) {
  const match =
    /^(out|in|inout) (\w+) (f32|f64|i32|u8)\[(?:shape( by (\w+))?|(\w+(?:, \w+)*))\]\??$/.exec(
      text,
    );
  if (!match) throw new Error(`kernel table: '${text}' is not 'role name dtype[dimensions]'`);
  const [, role, name = '', dtype, , strides, dimensions] = match;
  return {
    role: /** @type {Operand['role']} */ (role),
    name,
    dtype: /** @type {Operand['dtype']} */ (dtype),
    dimensions: dimensions === undefined ? [] : dimensions.split(', '),
    strides,
  };
}

/**
 * Which of a row's operands are written, in their order.
 * @param {Row} row
 * @returns {readonly boolean[]}
 */
export function writesOf(row) {
  return row.operands.map((text) => parseOperand(text).role !== 'in');
}

/**
 * An axis that a row is cut along.
 * @typedef {object} Axis
 * @property {string} name The parameter that counts it.
 * @property {boolean} isWidth Whether the part's share of it comes last, and the parameter stays.
 * @property {boolean} isLast Whether it is the fastest of every operand that has it.
 */

/**
 * @param {Row} row
 * @returns {readonly Axis[]} none for a walk, and for a kernel that is cut in its own way
 * @throws {Error} if an axis or a dimension is no parameter of the kernel.
 */
export function axesOf(row) {
  if (typeof row.cut === 'string') return [];
  const parameters = parametersOf(row);
  const operands = row.operands.map(parseOperand);
  const dimensions = operands.flatMap((operand) => operand.dimensions);
  return row.cut.map((text) => {
    const [name = '', width] = text.split(' as ');
    for (const used of [name, ...dimensions]) {
      if (!isNumber(used) && parameters[used] !== 'i32') {
        throw new Error(`kernel table: '${used}' counts elements and is no i32 parameter`);
      }
    }
    const having = operands.filter((operand) => operand.dimensions.includes(name));
    return {
      name,
      isWidth: width !== undefined,
      isLast: having.every((operand) => operand.dimensions.at(-1) === name),
    };
  });
}

/**
 * The dimensions whose product says how much work a call is.
 * @param {Row} row
 * @returns {readonly string[]}
 * @throws {Error} if `work` is none of its operands.
 */
export function workOf(row) {
  const operands = row.operands.map(parseOperand);
  const operand =
    row.work === undefined ? operands[0] : operands.find(({ name }) => name === row.work);
  if (!operand) throw new Error(`kernel table: '${row.work}' is no operand of the kernel`);
  return operand.dimensions;
}

/**
 * @template T
 * @typedef {T extends { readonly jobs: infer J } ? keyof J & string : never} OwnJob
 */

/**
 * The name of a job of a table: what the threads share out. Most kernels are one job of their own name.
 * @template Rows
 * @typedef {| { [K in keyof Rows]: Rows[K] extends { readonly jobs: unknown } ? never : K }[keyof Rows]
 *   | OwnJob<Rows[keyof Rows]>} JobName
 */

/**
 * A job, and the row that it belongs to.
 * @typedef {{ readonly name: string; readonly row: Row }} Job
 */

/**
 * The jobs of a table, in the order of their numbers.
 * @param {Readonly<Record<string, Row>>} rows
 * @returns {readonly Job[]}
 */
export function jobsOf(rows) {
  return Object.entries(rows).flatMap(([kernel, row]) =>
    (row.jobs ? Object.keys(row.jobs) : [kernel]).map((name) => ({ name, row })),
  );
}

/**
 * The numbers of jobs by their names, from `first` on.
 * @template {string} Name
 * @param {readonly Job[]} jobs
 * @param {number} first
 */
export function numbersOf(jobs, first) {
  const numbers = Object.fromEntries(jobs.map(({ name }, i) => [name, first + i]));
  return /** @type {Readonly<Record<Name, number>>} */ (numbers);
}

/** The jobs of the first binary. */
export const JOBS = jobsOf(KERNELS);

/**
 * The numbers by which jobs are told apart.
 * @type {Readonly<Record<JobName<typeof KERNELS>, number>>}
 */
export const JOB = numbersOf(JOBS, 0);

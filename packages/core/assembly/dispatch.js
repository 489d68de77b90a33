import { CLASSES, PARAMETERS } from '../src/kernels/table/kernels.js';
import {
  axesOf,
  FIRST_PARAMETER,
  isNumber,
  parametersOf,
  parseOperand,
  placesOf,
  SIZE,
} from '../src/kernels/table/layout.js';

/** @import { Row } from '../src/kernels/table/kernels.js' */
/** @import { Job, Operand } from '../src/kernels/table/layout.js' */

/*
 * Writes from the kernel tables what the binaries know of them, as AssemblyScript: the classes by which
 * kernels read their parameters, and for each binary the function that does a part of any of its jobs.
 */

/** AssemblyScript's words for the types of parameters, as fields and as what a load gives. */
const FIELD = { i32: 'i32', f32: 'f32', f64: 'f64', bool: 'i32', address: 'usize' };

/** Binary digits by which an index becomes bytes. */
const SHIFT = { f32: 2, f64: 3, i32: 2, u8: 0 };

/** The byte of a block at which a word begins. @param {number} word */
const byte = (word) => 4 * word;

const PARAMETERS_AT = `block + ${byte(FIRST_PARAMETER)}`;

/**
 * @param {import('../src/kernels/table/kernels.js').ParameterType} type
 * @param {number} word
 */
function loadParameter(type, word) {
  const text = `load<${FIELD[type]}>(block, ${byte(word)})`;
  return type === 'bool' ? `${text} != 0` : text;
}

/** A file's name as a namespace: some kernels are named as AssemblyScript's own functions are. */
const identifier = (/** @type {string} */ source) =>
  source.replace(/-(\w)/g, (_, letter) => letter.toUpperCase());

/** @type {(row: Row, name: string) => string} */
const call = (row, name) => `${identifier(row.source)}.${name}`;

/** The source of `build/parameters.ts`. */
export function parametersSource() {
  const classes = Object.entries(CLASSES).map(([group, name]) => {
    const parameters = PARAMETERS[/** @type {keyof typeof CLASSES} */ (group)];
    const fields = Object.entries(parameters).map(([name, type]) => `  ${name}: ${FIELD[type]};`);
    return `@unmanaged\nexport class ${name} {\n${fields.join('\n')}\n}\n`;
  });
  return `// Written by dispatch.js.\n\n${classes.join('\n')}`;
}

/**
 * The statements that do a part of a kernel whose axes the table cuts.
 * @param {string} name
 * @param {Row} row
 */
function axesPart(name, row) {
  const parameters = parametersOf(row);
  const places = placesOf(parameters);
  /** @type {(parameter: string) => string} */
  const load = (parameter) =>
    loadParameter(parameters[parameter] ?? 'i32', places[parameter] ?? FIRST_PARAMETER);
  const operands = row.operands.map(parseOperand);
  const axes = axesOf(row);

  /** @type {(cut: string) => string} */
  const along = (cut) => {
    /** @type {(operand: Operand, word: number) => string} */
    const address = ({ dtype, dimensions }, word) => {
      const start = `load<usize>(block, ${byte(word)})`;
      const place = dimensions.indexOf(cut);
      if (place < 0) return start;
      const steps = dimensions
        .slice(place + 1)
        .map((dimension) => `<usize>${isNumber(dimension) ? dimension : load(dimension)}`);
      return `${start} + ((${['<usize>from', ...steps].join(' * ')}) << ${SHIFT[dtype]})`;
    };
    const isClass = typeof row.parameters === 'string' && row.parameters in CLASSES;
    const rest = isClass
      ? ['count', PARAMETERS_AT]
      : Object.keys(parameters).map((parameter) =>
          parameter === cut && !isWidth(cut) ? 'count' : load(parameter),
        );
    const widths = axes
      .filter((axis) => axis.isWidth)
      .map((axis) => (axis.name === cut ? 'count' : load(axis.name)));
    return `
      const from = part * size;
      const count = min(size, ${load(cut)} - from);
      ${call(row, name)}(${[...operands.map(address), ...rest, ...widths].join(', ')});
      return;`;
  };
  /** @type {(cut: string) => boolean} */
  const isWidth = (cut) => axes.some((axis) => axis.name === cut && axis.isWidth);

  const cases = axes.map(({ name }, i) =>
    i + 1 < axes.length ? `\n      if (${load(name)} != 1) {${along(name)}\n      }` : along(name),
  );
  return `
      const size = load<i32>(block, ${byte(SIZE)});${cases.join('')}`;
}

/**
 * The statements that do a part of a walk.
 * @param {string} name
 * @param {Row} row
 */
function walkPart(name, row) {
  const operands = row.operands.map(parseOperand);
  const walked = operands.filter(({ strides }) => strides !== undefined).length;
  const addresses = operands.map(({ dtype, strides }, word) => {
    const start = `load<usize>(block, ${byte(word)})`;
    return strides === undefined ? `${start} + (walk.first << ${SHIFT[dtype]})` : start;
  });
  return `
      const size = load<i32>(block, ${byte(SIZE)});
      const walk = Walk.over(scratch, ${PARAMETERS_AT}, ${walked}, part, size);
      ${call(row, name)}(${[...addresses, 'walk'].join(', ')});
      return;`;
}

/**
 * The call of a kernel that is one part.
 * @param {string} name
 * @param {Row} row
 */
function wholePart(name, row) {
  const parameters = parametersOf(row);
  const places = placesOf(parameters);
  const addresses = row.operands.map((_, word) => `load<usize>(block, ${byte(word)})`);
  const rest = Object.entries(parameters).map(([parameter, type]) =>
    loadParameter(type, places[parameter] ?? FIRST_PARAMETER),
  );
  return `
      ${call(row, name)}(${[...addresses, ...rest].join(', ')});
      return;`;
}

/**
 * @param {string} name
 * @param {Row} row
 */
function partOf(name, row) {
  if (row.cut === 'walk') return walkPart(name, row);
  if (row.cut === 'none') return wholePart(name, row);
  if (row.cut !== 'own') return axesPart(name, row);
  const scratch = row.jobs?.[name]?.scratch ? ', scratch' : '';
  return `
      ${call(row, name)}Part(${PARAMETERS_AT}, part${scratch});
      return;`;
}

/**
 * The source of the function that does parts of these jobs.
 * @param {readonly Job[]} jobs
 * @param {number} first The number of the first of them.
 * @param {boolean} handsOver Whether other numbers go to the second binary.
 */
export function dispatchSource(jobs, first, handsOver) {
  const sources = new Set(jobs.map(({ row }) => row.source));
  const imports = [...sources].map(
    (source) => `import * as ${identifier(source)} from '../${source}';`,
  );
  if (handsOver) imports.push("import { runMore } from '../more';");
  const cases = jobs.map(
    ({ name, row }, i) => `    case ${first + i}: { // ${name}${partOf(name, row)}\n    }`,
  );
  const other = handsOver ? 'runMore(kernel, block, part, scratch)' : 'unreachable()';
  return `// Written by dispatch.js: ${jobs.length} jobs.
${imports.join('\n')}
import { Walk } from '../walk';

/**
 * Does one part of a job. \`block\` holds its arguments, \`scratch\` is memory that no other thread uses
 * meanwhile. An unknown number traps.
 */
export function runPart(kernel: i32, block: usize, part: i32, scratch: usize): void {
  switch (kernel) {
${cases.join('\n')}
    default:
      ${other};
  }
}
`;
}

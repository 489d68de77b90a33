import { type CellLook, type GridCell, NumberGrid } from '../../parts/number-grid.js';
import {
  type Convolution,
  dOutAt,
  dUAt,
  dWeightAt,
  dWeightOfImageAt,
  dXAt,
  foldSoFarAt,
  outAt,
  paddedAt,
  productAt,
  unfoldedAt,
  weightAt,
} from '../../spec/convolution/convolution.js';
import {
  copiesOf,
  countAt,
  type Geometry,
  groupOf,
  isPadding,
  type Pixel,
  rowOf,
  tapOf,
} from '../../spec/convolution/geometry.js';
import { patchOf, pixelsOf, rowToShow } from '../../spec/convolution/follow.js';
import { isPixel, linkOf, type Place } from '../../spec/convolution/links.js';
import { INSIDE_TEXTS } from '../../texts/inside.js';
import { extents } from './extents.js';
import { nameOf } from './names.js';
import { brief } from './numbers.js';
import { PLANE_WINDOW, roomOf } from './room.js';
import { remembered } from './remembered.js';
import { useSight } from './sight.js';
import { choose, counts, hovered, tints } from './state.js';

const { cells } = INSIDE_TEXTS;

interface GridProps {
  readonly convolution: Convolution;
  readonly label: string;
}

/** What all grids of places do: look up, point at and choose what a cell stands for. */
function PlaceGrid({
  convolution,
  label,
  rows,
  columns,
  placeOf,
  valueOf,
  memory,
  follow,
  ...rest
}: GridProps & {
  readonly rows: number;
  readonly columns: number;
  readonly placeOf: (cell: GridCell) => Place;
  readonly valueOf: (place: Place, cell: GridCell) => number;
  /** Under what its numbers are remembered; null for those that change. */
  readonly memory: string | null;
  readonly follow: readonly GridCell[];
  /** What was added to a cell last, for its corner; the count of the pixel's patches where nothing was. */
  readonly noteOf?: (place: Place) => string | undefined;
  readonly room: 'all' | number;
  /** The largest magnitude that colours reach to. */
  readonly reach: number;
  readonly characters: number;
  readonly rowName?: (row: number) => string;
  readonly columnName?: (column: number) => string;
  readonly maxRows?: number;
  readonly maxColumns?: number;
}) {
  const { geometry } = convolution;
  const { reach, noteOf, ...grid } = rest;
  const { pointed: now, image: n } = useSight(convolution);
  const look = (cell: GridCell): CellLook => {
    const place = placeOf(cell);
    const compute = (): number => valueOf(place, cell);
    const value =
      memory === null
        ? compute()
        : remembered(convolution, `${memory} ${n}`, cell.row * columns + cell.column, compute);
    const text = brief(value);
    const name = cells.is(nameOf(geometry, n, place), text);
    const link = linkOf(geometry, now, place);
    const tint = tints.value && reach > 0 ? value / reach : 0;
    if (!isPixel(place)) return { text, name, class: link ?? '', tint };
    const count = countAt(geometry, place);
    const isPad = isPadding(geometry, place);
    const kind = isPad ? 'padding' : '';
    const isUnread = count === 0;
    const added = noteOf?.(place);
    const note = added ?? (counts.value ? `×${count}` : undefined);
    return {
      text,
      name: name + (added === undefined ? '' : cells.added(added)) + cells.inPatches(count),
      class: `${link ?? ''} ${kind} ${isUnread ? 'unread' : ''}`,
      tint: isUnread || isPad ? 0 : tint,
      ...(note !== undefined && { note }),
    };
  };
  return (
    <NumberGrid
      {...grid}
      label={label}
      rows={rows}
      columns={columns}
      look={look}
      follow={follow}
      onPoint={(cell) => {
        hovered.value = cell && placeOf(cell);
      }}
      onChoose={(cell) => choose(placeOf(cell))}
    />
  );
}

/** A channel of x or of dX; dX as far as it is added, where that is watched. */
export function PixelGrid({
  convolution,
  label,
  array,
  c,
  isWhole = false,
}: GridProps & {
  readonly array: 'x' | 'dX';
  readonly c: number;
  /** Whether dX is shown as it is in the end, watched or not. */
  readonly isWhole?: boolean;
}) {
  const { geometry } = convolution;
  const { padding, PH, PW } = geometry;
  const { image: n, pointed, position, watched } = useSight(convolution);
  // The gradient of the padding is dropped, so dX has the size of x alone.
  const [around, rows, columns] = array === 'x' ? [0, PH, PW] : [padding, geometry.H, geometry.W];
  const r = watched && !isWhole ? position : null;
  const valueOf = (pixel: Pixel): number => {
    if (array === 'x') return paddedAt(convolution, n, pixel);
    if (r === null) return dXAt(convolution, n, pixel);
    return foldSoFarAt(geometry, (e, patch) => dUAt(convolution, n, e, patch), pixel, r + 1);
  };
  // What the patch that is added last has added.
  const noteOf = (place: Place): string | undefined => {
    if (r === null || array === 'x' || place.in !== 'dX') return undefined;
    const last = copiesOf(geometry, place).find((copy) => copy.r === r);
    if (!last) return undefined;
    const added = brief(dUAt(convolution, n, last.e, r));
    return added.startsWith('−') ? added : `+${added}`;
  };
  const follow = pixelsOf(geometry, pointed)
    .filter(
      (pixel) => pixel.c === c || groupOfChannel(geometry, pixel.c) === groupOfChannel(geometry, c),
    )
    .map(({ h, w }) => ({
      row: within(h - around, rows),
      column: within(w - around, columns),
    }));
  const name = (index: number): string => String(index + around - padding);
  return (
    <PlaceGrid
      convolution={convolution}
      label={label}
      rows={rows}
      columns={columns}
      rowName={name}
      columnName={name}
      placeOf={({ row, column }) => ({ in: array, c, h: row + around, w: column + around })}
      valueOf={(_, { row, column }) => valueOf({ c, h: row + around, w: column + around })}
      memory={array === 'dX' && r !== null ? null : `${array} ${c}`}
      noteOf={noteOf}
      follow={follow}
      {...PLANE_WINDOW}
      room={roomOf()}
      {...extents(convolution, n)[array]}
    />
  );
}

const groupOfChannel = ({ groupC }: Geometry, c: number): number => Math.floor(c / groupC);
const within = (index: number, size: number): number => Math.max(0, Math.min(size - 1, index));

/** A channel of the output or of its gradient. */
export function OutputGrid({
  convolution,
  label,
  array,
  o,
}: GridProps & { readonly array: 'out' | 'dOut'; readonly o: number }) {
  const { geometry } = convolution;
  const { OH, OW } = geometry;
  const { image: n, pointed } = useSight(convolution);
  const value = array === 'out' ? outAt : dOutAt;
  const patch = patchOf(geometry, pointed);
  return (
    <PlaceGrid
      convolution={convolution}
      label={label}
      rows={OH}
      columns={OW}
      placeOf={({ row, column }) => ({ in: array, o, r: row * OW + column })}
      valueOf={(_, { row, column }) => value(convolution, n, o, row * OW + column)}
      memory={`${array} ${o}`}
      follow={patch === null ? [] : [{ row: Math.floor(patch / OW), column: patch % OW }]}
      {...PLANE_WINDOW}
      room={roomOf()}
      {...extents(convolution, n)[array]}
    />
  );
}

/** A kernel's channel, or its gradient's. */
export function KernelGrid({
  convolution,
  label,
  o,
  c,
}: GridProps & { readonly o: number; readonly c: number }) {
  const { geometry } = convolution;
  const { KH, KW } = geometry;
  const { image: n } = useSight(convolution);
  const place = ({ row, column }: GridCell): Place & { in: 'weight' } => ({
    in: 'weight',
    o,
    e: rowOf(geometry, { c, m: row, q: column }),
  });
  return (
    <PlaceGrid
      convolution={convolution}
      label={label}
      rows={KH}
      columns={KW}
      placeOf={place}
      valueOf={(_, cell) => weightAt(convolution, o, place(cell).e)}
      memory={null}
      follow={[]}
      room={roomOf()}
      {...extents(convolution, n).weight}
    />
  );
}

/** The rows of a group in U or dU; all its columns are patches. */
export function UnfoldedGrid({
  convolution,
  label,
  array,
}: GridProps & { readonly array: 'U' | 'dU' }) {
  const { geometry } = convolution;
  const { k, p } = geometry;
  const { image: n, pointed, position, o } = useSight(convolution);
  const first = groupOf(geometry, o) * k;
  const value = array === 'U' ? unfoldedAt : dUAt;
  const row = rowToShow(geometry, pointed);
  const patch = patchOf(geometry, pointed) ?? position;
  const isHere = row !== null && row >= first && row < first + k;
  return (
    <PlaceGrid
      convolution={convolution}
      label={label}
      rows={k}
      columns={p}
      rowName={(index) => elementName(geometry, first + index)}
      placeOf={(cell) => ({ in: array, e: first + cell.row, r: cell.column })}
      valueOf={(_, cell) => value(convolution, n, first + cell.row, cell.column)}
      memory={`${array} ${first}`}
      follow={isHere ? [{ row: row - first, column: patch }] : []}
      room="all"
      {...extents(convolution, n)[array]}
    />
  );
}

/** A row of U by what of the kernel it meets: its place in a channel, or channel and place. */
function elementName(geometry: Geometry, e: number): string {
  const { c, m, q } = tapOf(geometry, e);
  const local = c % geometry.groupC;
  const place = `${e % geometry.k}: ${m},${q}`;
  return geometry.groupC === 1 ? place : `${e % geometry.k}: ${local},${m},${q}`;
}

/** The weight, or its gradient, as a matrix; of one image alone, or of all. */
export function WeightMatrix({
  convolution,
  label,
  array,
  of = null,
}: GridProps & { readonly array: 'weight' | 'dWeight'; readonly of?: number | null }) {
  const { geometry } = convolution;
  const { k, groupOC } = geometry;
  const { image: n, pointed: now, o } = useSight(convolution);
  const group = groupOf(geometry, o);
  const [firstE, firstO] = [group * k, group * groupOC];
  const valueOf = (o: number, e: number): number => {
    if (array === 'weight') return weightAt(convolution, o, e);
    return of === null ? dWeightAt(convolution, o, e) : dWeightOfImageAt(convolution, of, o, e);
  };
  const e = 'e' in now ? now.e : (rowToShow(geometry, now) ?? firstE);
  const isHere = e >= firstE && e < firstE + k;
  return (
    <PlaceGrid
      convolution={convolution}
      label={label}
      rows={groupOC}
      columns={k}
      rowName={(index) => String(firstO + index)}
      placeOf={(cell) => ({ in: array, o: firstO + cell.row, e: firstE + cell.column })}
      valueOf={(_, cell) => valueOf(firstO + cell.row, firstE + cell.column)}
      follow={isHere ? [{ row: o - firstO, column: e - firstE }] : []}
      memory={array === 'weight' ? null : `dWeight ${of ?? 'sum'} ${firstO}`}
      maxRows={6}
      room="all"
      {...extents(convolution, n)[array]}
    />
  );
}

/** The output's channels as the rows of a matrix: the product, or dOut. */
export function ProductMatrix({
  convolution,
  label,
  array,
}: GridProps & { readonly array: 'out' | 'dOut' | 'product' }) {
  const { geometry } = convolution;
  const { p, groupOC } = geometry;
  const { image: n, pointed, position, o } = useSight(convolution);
  const firstO = groupOf(geometry, o) * groupOC;
  const value = { out: outAt, dOut: dOutAt, product: productAt }[array];
  const patch = patchOf(geometry, pointed) ?? position;
  return (
    <PlaceGrid
      convolution={convolution}
      label={label}
      rows={groupOC}
      columns={p}
      rowName={(index) => String(firstO + index)}
      placeOf={(cell) => ({
        in: array === 'dOut' ? 'dOut' : 'out',
        o: firstO + cell.row,
        r: cell.column,
      })}
      valueOf={(_, cell) => value(convolution, n, firstO + cell.row, cell.column)}
      follow={[{ row: o - firstO, column: patch }]}
      memory={`${array} rows ${firstO}`}
      maxRows={6}
      room="all"
      {...extents(convolution, n)[array === 'dOut' ? 'dOut' : 'out']}
    />
  );
}

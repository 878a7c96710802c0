// One stroke of the brush: how much of it covers each pixel, tile by tile.

// The box around two boxes.
export function around(one, other) {
  const x = Math.min(one.x, other.x);
  const y = Math.min(one.y, other.y);
  const width = Math.max(one.x + one.width, other.x + other.width) - x;
  return { x, y, width, height: Math.max(one.y + one.height, other.y + other.height) - y };
}

// brush: {radius: pixels of the picture, hardness: 0..1, the share of the radius that is covered in full, to: 255 brings back, 0 takes away}.
export class Stroke {
  constructor(tiles, brush) {
    this.tiles = tiles;
    this.brush = brush;
    this.pieces = new Map(); // by number of the tile: what is still to be covered there
    this.covers = new Map(); // by number of the tile: 0..255 for each pixel
    this.before = new Map(); // what the tiles were, once they are there
  }

  // The numbers of the tiles that a stretch from one place of the picture to another reaches.
  reaches(from, to) {
    return this.tiles.within(this.boxOf(from, to));
  }

  boxOf(from, to) {
    const reach = this.brush.radius + 1;
    const x = Math.floor(Math.min(from.x, to.x) - reach);
    const y = Math.floor(Math.min(from.y, to.y) - reach);
    return { x, y, width: Math.ceil(Math.max(from.x, to.x) + reach) - x, height: Math.ceil(Math.max(from.y, to.y) + reach) - y };
  }

  // Covers what a stretch reaches of a tile. opacity: 0..1. Returns which part of the tile that may be.
  cover(number, from, to, opacity = 1) {
    const most = 255 * opacity;
    const box = this.boxOf(from, to);
    const tile = this.tiles.boxOf(number);
    if (!this.covers.has(number)) this.covers.set(number, new Uint8Array(tile.width * tile.height));
    const covered = this.covers.get(number);
    const left = Math.max(0, box.x - tile.x);
    const top = Math.max(0, box.y - tile.y);
    const right = Math.min(tile.width, box.x + box.width - tile.x);
    const bottom = Math.min(tile.height, box.y + box.height - tile.y);
    const { radius, hardness } = this.brush;
    const inner = Math.max(0, Math.min(radius * hardness, radius - 0.5)); // even a hard brush has a smooth rim of a pixel
    const [start, end] = [from, to].map(({ x, y }) => ({ x: x - tile.x - 0.5, y: y - tile.y - 0.5 })); // from the middle of a pixel
    const rim = { start, end, inner, outer: radius + 0.5, most };
    for (let y = top; y < bottom; y += 1) {
      const [first, last] = span(start, end, radius + 0.5, y, left, right);
      const [full, soft] = most === 255 ? span(start, end, inner, y, first, last) : [last, last];
      const row = y * tile.width;
      if (full >= soft) coverRim(covered, rim, row, y, first, last);
      else {
        coverRim(covered, rim, row, y, first, full);
        covered.fill(255, row + full, row + soft);
        coverRim(covered, rim, row, y, soft, last);
      }
    }
    return { x: left, y: top, width: Math.max(0, right - left), height: Math.max(0, bottom - top) };
  }

  // Paints what it covers in a box of a tile, anew from what the tile was before.
  paint(number, { x, y, width, height }) {
    const after = this.tiles.get(number);
    const before = this.before.get(number);
    const covered = this.covers.get(number);
    const side = this.tiles.boxOf(number).width;
    const raises = this.brush.to > 0;
    for (let row = y; row < y + height; row += 1) {
      for (let at = row * side + x; at < row * side + x + width; at += 1) {
        const was = before[at];
        after[at] = raises ? was + Math.trunc(((255 - was) * covered[at] + 127) / 255) : was - Math.trunc((was * covered[at] + 127) / 255);
      }
    }
  }

  // Paints values of its own (0..255 a pixel of the tile) where it covers it; never the other way than the brush does.
  paintValues(number, values) {
    const after = this.tiles.get(number);
    const before = this.before.get(number);
    const covered = this.covers.get(number);
    const raises = this.brush.to > 0;
    for (let at = 0; at < after.length; at += 1) {
      const was = before[at];
      const value = Math.round(was + ((values[at] - was) * covered[at]) / 255);
      after[at] = raises ? Math.max(was, value) : Math.min(was, value);
    }
  }
}

// The pixels of a row, from the first to beyond the last and within bounds, that are nearer than a radius to the line
// between two points.
function span(start, end, radius, y, least, most) {
  let [first, last] = [Infinity, -Infinity];
  const reach = (x) => { first = Math.min(first, x); last = Math.max(last, x); };
  for (const point of [start, end]) {
    const half = radius * radius - (y - point.y) ** 2;
    if (half < 0) continue;
    reach(point.x - Math.sqrt(half));
    reach(point.x + Math.sqrt(half));
  }
  const [dx, dy] = [end.x - start.x, end.y - start.y];
  const length = Math.hypot(dx, dy);
  if (dy) {
    for (const side of [-1, 1]) { // the two straight sides
      const along = (y - start.y - (side * radius * dx) / length) / dy;
      if (along >= 0 && along <= 1) reach(start.x + along * dx - (side * radius * dy) / length);
    }
  }
  if (first > last) return [most, most];
  const from = Math.min(Math.max(Math.ceil(first), least), most);
  return [from, Math.max(from, Math.min(Math.floor(last) + 1, most))];
}

// Covers pixels of a row by how near they are to the line.
function coverRim(covered, { start, end, inner, outer, most }, row, y, first, last) {
  const [dx, dy] = [end.x - start.x, end.y - start.y];
  const length = dx * dx + dy * dy || 1;
  const py = y - start.y;
  for (let x = first; x < last; x += 1) {
    const at = row + x;
    if (covered[at] >= most) continue;
    const px = x - start.x;
    const along = Math.min(1, Math.max(0, (px * dx + py * dy) / length));
    const [ex, ey] = [px - along * dx, py - along * dy];
    const share = (outer - Math.sqrt(ex * ex + ey * ey)) / (outer - inner);
    if (share <= 0) continue;
    const value = share >= 1 ? most : most * share * share * (3 - 2 * share);
    if (value > covered[at]) covered[at] = value;
  }
}

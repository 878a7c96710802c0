// One stroke of the brush: how much of it covers each pixel, tile by tile.

// brush: {radius: pixels of the picture, hardness: 0..1, the share of the radius that is covered in full, to: 255 brings back, 0 takes away}.
export class Stroke {
  constructor(tiles, brush) {
    this.tiles = tiles;
    this.brush = brush;
    this.covers = new Map(); // by number of the tile: 0..255 for each pixel
    this.before = new Map(); // what the tiles were, once they are there
  }

  // Goes from one place of the picture to another. opacity: 0..1. Returns which part of which tile it covers: [[number, box], …].
  stretch(from, to, opacity = 1) {
    const reach = this.brush.radius + 1;
    const x = Math.floor(Math.min(from.x, to.x) - reach);
    const y = Math.floor(Math.min(from.y, to.y) - reach);
    const box = { x, y, width: Math.ceil(Math.max(from.x, to.x) + reach) - x, height: Math.ceil(Math.max(from.y, to.y) + reach) - y };
    return this.tiles.within(box).map((number) => [number, this.cover(number, box, from, to, 255 * opacity)]);
  }

  cover(number, box, from, to, most) {
    const tile = this.tiles.boxOf(number);
    if (!this.covers.has(number)) this.covers.set(number, new Uint8Array(tile.width * tile.height));
    const covered = this.covers.get(number);
    const left = Math.max(0, box.x - tile.x);
    const top = Math.max(0, box.y - tile.y);
    const right = Math.min(tile.width, box.x + box.width - tile.x);
    const bottom = Math.min(tile.height, box.y + box.height - tile.y);
    const [dx, dy] = [to.x - from.x, to.y - from.y];
    const length = dx * dx + dy * dy || 1;
    const { radius, hardness } = this.brush;
    const inner = Math.max(0, Math.min(radius * hardness, radius - 0.5)); // even a hard brush has a smooth rim of a pixel
    const rim = radius + 0.5 - inner;
    for (let y = top; y < bottom; y += 1) {
      for (let x = left; x < right; x += 1) {
        const at = y * tile.width + x;
        if (covered[at] >= most) continue;
        const px = tile.x + x + 0.5 - from.x;
        const py = tile.y + y + 0.5 - from.y;
        const along = Math.min(1, Math.max(0, (px * dx + py * dy) / length));
        const [ex, ey] = [px - along * dx, py - along * dy];
        const share = (radius + 0.5 - Math.sqrt(ex * ex + ey * ey)) / rim;
        if (share <= 0) continue;
        const value = share >= 1 ? most : most * share * share * (3 - 2 * share);
        if (value > covered[at]) covered[at] = value;
      }
    }
    return { x: left, y: top, width: right - left, height: bottom - top };
  }

  // Paints what it covers in a box of a tile, anew from what the tile was before.
  paint(number, { x, y, width, height }) {
    const { to } = this.brush;
    this.blend(number, x, y, width, height, () => to);
  }

  // Paints values of its own (0..255 a pixel of the tile) where it covers it; never the other way than the brush does.
  paintValues(number, values) {
    const tile = this.tiles.boxOf(number);
    this.blend(number, 0, 0, tile.width, tile.height, (at) => values[at]);
  }

  blend(number, left, top, width, height, valueAt) {
    const after = this.tiles.get(number);
    const before = this.before.get(number);
    const covered = this.covers.get(number);
    const side = this.tiles.boxOf(number).width;
    const raises = this.brush.to > 0;
    for (let y = top; y < top + height; y += 1) {
      for (let at = y * side + left; at < y * side + left + width; at += 1) {
        const was = before[at];
        if (!covered[at]) after[at] = was;
        else {
          const value = Math.round(was + ((valueAt(at) - was) * covered[at]) / 255);
          after[at] = raises ? Math.max(was, value) : Math.min(was, value);
        }
      }
    }
  }
}

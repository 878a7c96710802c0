// Shows a picture while it is touched up: the original's colours, where the alpha that is painted on lets them through.
import { paintPiece } from "./painted_parts.js";
import { sheet } from "./pixels.js";
import { around } from "./stroke.js";

const FRAME_MILLISECONDS = 8; // for drawing tiles anew; the others come in the next frame

export class TouchLayer {
  constructor(tiles) {
    this.tiles = tiles;
    this.shades = new Map(); // by number of the tile: a canvas whose alpha is the alpha, as large as it is shown
    this.level = 0;
    this.mask = sheet(1, 1); // the whole alpha as it is shown; only tiles that changed are painted anew
    this.original = sheet(1, 1); // the photo as it is shown
    this.colours = sheet(1, 1);
    this.masked = ""; // for which view the mask holds, and likewise the original; "" = none, or not all of it had come
    this.shown = "";
    this.painted = new Set(); // numbers of the tiles in the mask
  }

  // A part of a tile has changed.
  changed(number, box) {
    const shade = this.shades.get(number);
    if (!shade) return;
    shade.stale = shade.stale ? around(shade.stale, box) : box;
  }

  // Paints where the viewer paints: `alone`, the alpha itself, black and white. Returns whether all of it is sharp.
  paint(viewer, box, alone) {
    const view = [box.x, box.y, box.width, box.height, viewer.canvas.width, viewer.canvas.height].join();
    if (this.masked !== view) {
      this.painted.clear();
      this.masked = viewer.onto(this.cleared(this.mask, viewer.canvas), () => viewer.paintParts("cover", box)) ? view : "";
    }
    const upToDate = this.paintOpened(viewer, box);
    if (!alone && this.shown !== view) {
      this.shown = viewer.onto(this.cleared(this.original, viewer.canvas), () => viewer.paintParts("original", box)) ? view : "";
    }
    const colours = this.cleared(this.colours, viewer.canvas);
    if (alone) {
      viewer.context.fillStyle = "#000000";
      viewer.context.fillRect(box.x, box.y, box.width, box.height);
      colours.fillStyle = "#ffffff";
      colours.fillRect(box.x, box.y, box.width, box.height);
    } else colours.drawImage(this.original.canvas, 0, 0);
    colours.globalCompositeOperation = "destination-in";
    colours.drawImage(this.mask.canvas, 0, 0);
    viewer.context.drawImage(colours.canvas, 0, 0);
    return this.masked === view && (alone || this.shown === view) && upToDate;
  }

  cleared(context, { width, height }) {
    context.globalCompositeOperation = "source-over";
    if (context.canvas.width !== width || context.canvas.height !== height) Object.assign(context.canvas, { width, height });
    else context.clearRect(0, 0, width, height);
    return context;
  }

  // The tiles that may have been painted on, in place of the daemon's.
  paintOpened(viewer, box) {
    const { width, height } = this.tiles.picture;
    const across = box.width / width;
    const down = box.height / height;
    const level = Math.min(9, Math.max(0, Math.floor(Math.log2(1 / across))));
    if (level !== this.level) this.shades.clear();
    this.level = level;
    const until = performance.now() + FRAME_MILLISECONDS;
    let behind = false;
    for (const number of this.tiles.opened.keys()) {
      const tile = this.tiles.boxOf(number);
      const left = Math.round(box.x + tile.x * across);
      const top = Math.round(box.y + tile.y * down);
      const to = { x: left, y: top, width: Math.round(box.x + (tile.x + tile.width) * across) - left, height: Math.round(box.y + (tile.y + tile.height) * down) - top };
      if (to.x > this.mask.canvas.width || to.y > this.mask.canvas.height || to.x + to.width < 0 || to.y + to.height < 0) continue;
      if (this.painted.has(number) && !this.isStale(number)) continue;
      const late = performance.now() > until && this.isStale(number);
      behind ||= late;
      if (late && !this.shades.has(number)) continue; // what the daemon has is shown meanwhile
      if (late && this.painted.has(number)) continue;
      const shade = late ? this.shades.get(number).context.canvas : this.shade(number, tile, level);
      this.painted.add(number);
      this.mask.clearRect(to.x, to.y, to.width, to.height);
      paintPiece(this.mask, shade, { x: 0, y: 0, width: tile.width / 2 ** level, height: tile.height / 2 ** level }, to);
    }
    if (behind) viewer.redraw();
    return !behind;
  }

  // Whether a tile is to be drawn anew before it shows what was painted.
  isStale(number) {
    return this.shades.get(number)?.stale !== null;
  }

  shade(number, tile, level) {
    let shade = this.shades.get(number);
    if (!shade) {
      shade = { context: sheet(Math.ceil(tile.width / 2 ** level), Math.ceil(tile.height / 2 ** level)), stale: { x: 0, y: 0, ...sizeOf(tile) } };
      this.shades.set(number, shade);
    }
    if (shade.stale) this.drawn(shade, this.tiles.get(number), tile, 2 ** level);
    shade.stale = null;
    return shade.context.canvas;
  }

  // Each pixel that is shown is the mean of the square of those that it stands for.
  drawn({ context, stale }, bytes, tile, step) {
    const left = Math.floor(stale.x / step);
    const top = Math.floor(stale.y / step);
    const width = Math.ceil((stale.x + stale.width) / step) - left;
    const height = Math.ceil((stale.y + stale.height) / step) - top;
    if (width < 1 || height < 1) return;
    const made = context.createImageData(width, height);
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) made.data[4 * (y * width + x) + 3] = mean(bytes, tile, (left + x) * step, (top + y) * step, step);
    }
    context.putImageData(made, left, top);
  }
}

const sizeOf = ({ width, height }) => ({ width, height });

function mean(bytes, tile, left, top, step) {
  if (step === 1) return bytes[top * tile.width + left];
  const right = Math.min(left + step, tile.width);
  const bottom = Math.min(top + step, tile.height);
  let sum = 0;
  for (let y = top; y < bottom; y += 1) for (let x = left; x < right; x += 1) sum += bytes[y * tile.width + x];
  return Math.round(sum / ((right - left) * (bottom - top)));
}

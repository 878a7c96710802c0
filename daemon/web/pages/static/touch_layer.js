// Shows a picture while it is touched up: the original's colours, where the alpha that is painted on lets them through.
import { sheet } from "./pixels.js";

export class TouchLayer {
  constructor(tiles) {
    this.tiles = tiles;
    this.shades = new Map(); // by number of the tile: a canvas whose alpha is the alpha, as large as it is shown
    this.level = 0;
    this.mask = sheet(1, 1);
    this.colours = sheet(1, 1);
  }

  // A part of a tile has changed.
  changed(number, box) {
    const shade = this.shades.get(number);
    if (!shade) return;
    const { stale } = shade;
    if (!stale) shade.stale = box;
    else {
      const x = Math.min(stale.x, box.x);
      const y = Math.min(stale.y, box.y);
      const width = Math.max(stale.x + stale.width, box.x + box.width) - x;
      shade.stale = { x, y, width, height: Math.max(stale.y + stale.height, box.y + box.height) - y };
    }
  }

  // Paints where the viewer paints: `alone`, the alpha itself, black and white. Returns whether all of it is sharp.
  paint(viewer, box, alone) {
    const { mask, colours } = this;
    const whole = viewer.onto(this.cleared(mask, viewer.canvas), () => viewer.paintParts("cover", box));
    this.paintOpened(viewer, box);
    this.cleared(colours, viewer.canvas);
    let sharp = true;
    if (alone) {
      viewer.context.fillStyle = "#000000";
      viewer.context.fillRect(box.x, box.y, box.width, box.height);
      colours.fillStyle = "#ffffff";
      colours.fillRect(box.x, box.y, box.width, box.height);
    } else sharp = viewer.onto(colours, () => viewer.paintParts("original", box));
    colours.globalCompositeOperation = "destination-in";
    colours.drawImage(mask.canvas, 0, 0);
    viewer.context.drawImage(colours.canvas, 0, 0);
    return whole && sharp;
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
    for (const number of this.tiles.opened.keys()) {
      const tile = this.tiles.boxOf(number);
      const left = Math.round(box.x + tile.x * across);
      const top = Math.round(box.y + tile.y * down);
      const to = { x: left, y: top, width: Math.round(box.x + (tile.x + tile.width) * across) - left, height: Math.round(box.y + (tile.y + tile.height) * down) - top };
      if (to.x > this.mask.canvas.width || to.y > this.mask.canvas.height || to.x + to.width < 0 || to.y + to.height < 0) continue;
      const shade = this.shade(number, tile, level);
      this.mask.clearRect(to.x, to.y, to.width, to.height);
      viewer.onto(this.mask, () => viewer.paintPiece(shade, { x: 0, y: 0, width: tile.width / 2 ** level, height: tile.height / 2 ** level }, to));
    }
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

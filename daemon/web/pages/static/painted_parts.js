// Paints a layer of a picture: from the picture that fits a screen, or from tiles where that is not sharp enough.
import { sizeOf } from "./pixels.js";

export const TILE_RANK = 1;
const FIT_RANK = 0;

// box: where the whole picture lies on the canvas, which it may leave. have(name, rank): a part, undefined while it is not there.
// Returns whether all that is seen is as sharp as it gets.
export function paintParts(context, pictures, layer, box, have) {
  const size = sizeOf(pictures, layer);
  const fit = have("fit", FIT_RANK);
  if (!fit) return false;
  if (box.width <= fit.width * 1.02 || fit.width >= size.width) { // tiles would show no more
    paintPiece(context, fit, { x: 0, y: 0, width: fit.width, height: fit.height }, box);
    return true;
  }
  return paintTiles(context, size, box, fit, have);
}

function paintTiles(context, size, box, fit, have) {
  const scale = box.width / size.width; // pixels of the canvas for one of this layer
  const level = Math.min(size.levels - 1, Math.max(0, Math.floor(Math.log2(1 / scale))));
  const step = size.tile * 2 ** level; // of full-size pixels
  const across = box.width / size.width;
  const down = box.height / size.height;
  const clamp = (n, most) => Math.min(Math.max(n, 0), most);
  const columns = Math.ceil(size.width / step) - 1;
  const rows = Math.ceil(size.height / step) - 1;
  const first = { x: clamp(Math.floor(-box.x / across / step), columns), y: clamp(Math.floor(-box.y / down / step), rows) };
  const last = {
    x: clamp(Math.floor((context.canvas.width - box.x) / across / step), columns),
    y: clamp(Math.floor((context.canvas.height - box.y) / down / step), rows),
  };
  let all = true;
  for (let y = first.y; y <= last.y; y += 1) {
    for (let x = first.x; x <= last.x; x += 1) {
      const right = Math.min((x + 1) * step, size.width);
      const bottom = Math.min((y + 1) * step, size.height);
      const left = Math.round(box.x + x * step * across);
      const top = Math.round(box.y + y * step * down);
      const to = { x: left, y: top, width: Math.round(box.x + right * across) - left, height: Math.round(box.y + bottom * down) - top };
      const tile = have(`${level}/${x}/${y}`, TILE_RANK);
      all &&= Boolean(tile);
      if (tile) paintPiece(context, tile, { x: 0, y: 0, width: tile.width, height: tile.height }, to);
      else {
        const f = fit.width / size.width;
        paintPiece(context, fit, { x: x * step * f, y: y * step * f, width: (right - x * step) * f, height: (bottom - y * step) * f }, to);
      }
    }
  }
  return all;
}

export function paintPiece(context, picture, from, to) {
  context.imageSmoothingEnabled = to.width < 2.5 * from.width; // far beyond 100 %, show true pixels
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, from.x, from.y, from.width, from.height, to.x, to.y, to.width, to.height);
}

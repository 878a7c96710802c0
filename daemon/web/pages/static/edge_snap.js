// Moves the border of an alpha to the photo's own edges: the guided filter (He, Sun and Tang, PAMI 2013), twice.

// What counts as an edge: brightness that varies by more than its root, 1 % of the way from black to white, within the radius.
export const EPS = 1e-4;
const NARROWER = 4; // the second pass looks at so much less, so that no haze is left beside the edge
const HAZE = 0.1; // what the second pass leaves of it
const [NONE, FULL] = [0.25, 0.75]; // between the passes, what is mostly outside is outside, and what is mostly inside is inside

const COARSE = 16; // the filter looks at so many pixels to each side at least: a broad one at pixels that stand for several
const LEVEL = 1 / 255 / 2; // what nobody sees of an alpha

// How often the picture is halved on which a broad filter is computed. Its result is applied to the photo at full size, so its
// edges stay as sharp (He and Sun, Fast Guided Filter, 2015).
export const levelOf = (radius) => Math.max(0, Math.floor(Math.log2(radius / COARSE)));

const narrower = (radius) => Math.max(1, Math.round(radius / NARROWER));

// How far around a pixel its value depends on others, in pixels.
export const reachOf = (radius) => 2 * (radius + narrower(radius));

// What the filter finds: for each pixel the alpha as a linear function of the guide.
// guide: the photo's brightness, alpha: both 0..1, one value a pixel, in rows of `width`. radius: pixels, 1 or more.
export function fieldOf(guide, alpha, width, height, radius) {
  const clear = guided(guide, alpha, width, height, radius).map(steeper);
  return { ...lines(guide, clear, width, height, narrower(radius)), width, height };
}

// The alpha, 0..255, that a field has in a box, if it is the same for all of it, whatever the guide is; else null.
// step: how many pixels of the box, to each side, one of the field stands for.
export function flatIn({ slopes, offsets, width, height }, step, box) {
  const [left, right] = [box.x, box.x + box.width - 1].map((x) => between(x, step, width));
  const [top, bottom] = [box.y, box.y + box.height - 1].map((y) => between(y, step, height));
  let [least, most] = [Infinity, -Infinity];
  for (let y = top[0]; y <= bottom[1]; y += 1) {
    for (let at = y * width + left[0]; at <= y * width + right[1]; at += 1) {
      const [black, white] = [offsets[at], offsets[at] + slopes[at]];
      least = Math.min(least, black, white);
      most = Math.max(most, black, white);
    }
  }
  if (most <= HAZE + LEVEL) return 0;
  return least >= 1 - HAZE - LEVEL ? 255 : null;
}

// The alpha, 0..255, that a field has in a box of the full size. guide: the photo's brightness there, 0..1.
export function applied({ slopes, offsets, width, height }, guide, step, box) {
  const made = new Uint8ClampedArray(box.width * box.height);
  const columns = Array.from({ length: box.width }, (_, x) => between(box.x + x, step, width));
  const lefts = Int32Array.from(columns, ([left]) => left);
  const rights = Int32Array.from(columns, ([, right]) => right);
  const shares = Float32Array.from(columns, ([, , across]) => across);
  const [rowSlopes, rowOffsets] = [new Float32Array(width), new Float32Array(width)];
  for (let y = 0; y < box.height; y += 1) {
    const [above, below, down] = between(box.y + y, step, height);
    for (let x = lefts[0]; x <= rights[box.width - 1]; x += 1) {
      const [upper, lower] = [above * width + x, below * width + x];
      rowSlopes[x] = slopes[upper] + (slopes[lower] - slopes[upper]) * down;
      rowOffsets[x] = offsets[upper] + (offsets[lower] - offsets[upper]) * down;
    }
    for (let x = 0; x < box.width; x += 1) {
      const left = lefts[x];
      const right = rights[x];
      const slope = rowSlopes[left] + (rowSlopes[right] - rowSlopes[left]) * shares[x];
      const offset = rowOffsets[left] + (rowOffsets[right] - rowOffsets[left]) * shares[x];
      const value = slope * guide[y * box.width + x] + offset;
      made[y * box.width + x] = (255 * (value - HAZE)) / (1 - 2 * HAZE);
    }
  }
  return made;
}

// The two pixels of the smaller picture between which a pixel lies, and how far it is on its way to the second one, 0..1.
function between(at, step, length) {
  const place = Math.min(Math.max((at + 0.5) / step - 0.5, 0), length - 1);
  const first = Math.floor(place);
  return [first, Math.min(first + 1, length - 1), place - first];
}

// Values 0..255 as 0..1, each the mean of a square of `step` pixels a side, put into another picture at a place.
export function shrinkInto(made, values, { x, y, width, height }, step, wide, high) {
  for (let row = Math.max(0, y); row < Math.min(high, y + Math.ceil(height / step)); row += 1) {
    const top = (row - y) * step;
    const bottom = Math.min(top + step, height);
    for (let column = Math.max(0, x); column < Math.min(wide, x + Math.ceil(width / step)); column += 1) {
      const left = (column - x) * step;
      const right = Math.min(left + step, width);
      let sum = 0;
      for (let line = top; line < bottom; line += 1) for (let at = line * width + left; at < line * width + right; at += 1) sum += values[at];
      made[row * wide + column] = sum / (255 * (bottom - top) * (right - left));
    }
  }
}

function steeper(value) {
  const share = Math.min(1, Math.max(0, (value - NONE) / (FULL - NONE)));
  return share * share * (3 - 2 * share);
}

// The guided filter itself: within each window, the output is a linear function of the guide. Values 0..1.
export function guided(guide, alpha, width, height, radius) {
  const { slopes, offsets } = lines(guide, alpha, width, height, radius);
  return slopes.map((value, n) => value * guide[n] + offsets[n]);
}

// That function for each pixel: the mean of those of all windows around it.
function lines(guide, alpha, width, height, radius) {
  const mean = (values) => boxMean(values, width, height, radius);
  const both = mean(guide.map((value, n) => value * alpha[n]));
  const square = mean(guide.map((value) => value * value));
  const guideMean = mean(guide);
  const alphaMean = mean(alpha);
  const slope = both;
  for (let n = 0; n < slope.length; n += 1) {
    slope[n] = (both[n] - guideMean[n] * alphaMean[n]) / (square[n] - guideMean[n] * guideMean[n] + EPS);
    alphaMean[n] -= slope[n] * guideMean[n];
  }
  return { slopes: mean(slope), offsets: mean(alphaMean) };
}

// The mean of a square window around each pixel, cut at the border.
function boxMean(values, width, height, radius) {
  const across = new Float32Array(values.length);
  for (let y = 0; y < height; y += 1) lineMean(values, across, y * width, 1, width, radius);
  const made = new Float32Array(values.length);
  for (let x = 0; x < width; x += 1) lineMean(across, made, x, width, height, radius);
  return made;
}

function lineMean(from, to, start, step, length, radius) {
  let sum = 0;
  for (let n = 0; n < Math.min(radius, length); n += 1) sum += from[start + n * step];
  for (let n = 0; n < length; n += 1) {
    if (n + radius < length) sum += from[start + (n + radius) * step];
    if (n - radius - 1 >= 0) sum -= from[start + (n - radius - 1) * step];
    to[start + n * step] = sum / (Math.min(n + radius, length - 1) - Math.max(n - radius, 0) + 1);
  }
}

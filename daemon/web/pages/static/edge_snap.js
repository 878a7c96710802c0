// Moves the border of an alpha to the photo's own edges: the guided filter (He, Sun and Tang, PAMI 2013), twice.

// What counts as an edge: brightness that varies by more than its root, 1 % of the way from black to white, within the radius.
export const EPS = 1e-4;
const NARROWER = 4; // the second pass looks at so much less, so that no haze is left beside the edge
const HAZE = 0.1; // what the second pass leaves of it
const [NONE, FULL] = [0.25, 0.75]; // between the passes, what is mostly outside is outside, and what is mostly inside is inside

const COARSE = 16; // the filter looks at so many pixels to each side at most: a broad one at pixels that stand for several

// How far around a pixel its value depends on others, in pixels.
export const reachOf = (radius) => 2 * (radius + Math.max(1, Math.round(radius / NARROWER)));

// guide: the photo's brightness, alpha: both 0..255, one value a pixel, in rows of `width`. radius: pixels, 1 or more.
// inner: the part that is wanted. Returns its alpha that follows the guide, 0..255.
//
// A broad filter is computed on a smaller picture, and applied to the guide at its full size, so its edges stay as sharp
// (He and Sun, Fast Guided Filter, 2015).
export function snapped(guide, alpha, width, height, radius, inner = { x: 0, y: 0, width, height }) {
  const step = Math.max(1, Math.floor(radius / COARSE));
  const [wide, high] = [Math.ceil(width / step), Math.ceil(height / step)];
  const [brightness, mask] = [guide, alpha].map((values) => shrunk(values, width, height, step));
  const [broad, narrow] = [radius, radius / NARROWER].map((each) => Math.max(1, Math.round(each / step)));
  const clear = guided(brightness, mask, wide, high, broad).map(steeper);
  const { slopes, offsets } = lines(brightness, clear, wide, high, narrow);
  const made = new Uint8ClampedArray(inner.width * inner.height);
  const columns = Array.from({ length: inner.width }, (_, x) => between(inner.x + x, step, wide));
  for (let y = 0; y < inner.height; y += 1) {
    const [above, below, down] = between(inner.y + y, step, high).map((each, n) => (n < 2 ? each * wide : each));
    const from = (inner.y + y) * width + inner.x;
    for (let x = 0; x < inner.width; x += 1) {
      const [left, right, across] = columns[x];
      const at = (values) => {
        const upper = values[above + left] + (values[above + right] - values[above + left]) * across;
        const lower = values[below + left] + (values[below + right] - values[below + left]) * across;
        return upper + (lower - upper) * down;
      };
      const value = (at(slopes) * guide[from + x]) / 255 + at(offsets);
      made[y * inner.width + x] = 255 * Math.min(1, Math.max(0, (value - HAZE) / (1 - 2 * HAZE)));
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

// Values 0..255 as 0..1, each the mean of a square of `step` pixels a side.
function shrunk(values, width, height, step) {
  if (step === 1) return Float32Array.from(values, (value) => value / 255);
  const [wide, high] = [Math.ceil(width / step), Math.ceil(height / step)];
  const made = new Float32Array(wide * high);
  for (let y = 0; y < high; y += 1) {
    const bottom = Math.min((y + 1) * step, height);
    for (let x = 0; x < wide; x += 1) {
      const right = Math.min((x + 1) * step, width);
      let sum = 0;
      for (let row = y * step; row < bottom; row += 1) for (let at = row * width + x * step; at < row * width + right; at += 1) sum += values[at];
      made[y * wide + x] = sum / (255 * (bottom - y * step) * (right - x * step));
    }
  }
  return made;
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

// Moves the border of an alpha to the photo's own edges: the guided filter (He, Sun and Tang, PAMI 2013), twice.

// What counts as an edge: brightness that varies by more than its root, 1 % of the way from black to white, within the radius.
export const EPS = 1e-4;
const NARROWER = 4; // the second pass looks at so much less, so that no haze is left beside the edge
const HAZE = 0.1; // what the second pass leaves of it
const [NONE, FULL] = [0.25, 0.75]; // between the passes, what is mostly outside is outside, and what is mostly inside is inside

// How far around a pixel its value depends on others, in pixels.
export const reachOf = (radius) => 2 * (radius + Math.max(1, Math.round(radius / NARROWER)));

// guide: the photo's brightness, alpha: both 0..255, one value a pixel, in rows of `width`. radius: pixels, 1 or more.
// Returns the alpha that follows the guide, 0..255.
export function snapped(guide, alpha, width, height, radius) {
  const brightness = Float32Array.from(guide, (value) => value / 255);
  const first = guided(brightness, Float32Array.from(alpha, (value) => value / 255), width, height, radius);
  const clear = first.map(steeper);
  const second = guided(brightness, clear, width, height, Math.max(1, Math.round(radius / NARROWER)));
  return Uint8ClampedArray.from(second, (value) => 255 * Math.min(1, Math.max(0, (value - HAZE) / (1 - 2 * HAZE))));
}

function steeper(value) {
  const share = Math.min(1, Math.max(0, (value - NONE) / (FULL - NONE)));
  return share * share * (3 - 2 * share);
}

// The guided filter itself: within each window, the output is a linear function of the guide. Values 0..1.
export function guided(guide, alpha, width, height, radius) {
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
  const slopes = mean(slope);
  const offsets = mean(alphaMean);
  return slopes.map((value, n) => value * guide[n] + offsets[n]);
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

// Snaps alphas to edges beside the page, so that the brush never waits for it. Each message is one question of `Snapping`.
import { applied, fieldOf, flatIn, shrinkInto } from "./edge_snap.js";

let alpha = null; // {values: 0..1, width, height, step}
let field = null;

const questions = {
  // pieces: parts of the alpha, and where they lie in it.
  alpha({ pieces, width, height, step }) {
    alpha = { values: new Float32Array(width * height), width, height, step };
    for (const piece of pieces) put(alpha, piece, (data, at) => data[at]);
  },

  // A tile that was changed here. x, y: where it lies in the smaller picture; width, height: its own.
  changed({ bytes, box }) {
    shrinkInto(alpha.values, bytes, box, alpha.step, alpha.width, alpha.height);
  },

  isFlat: () => alpha.values.every((value) => value === alpha.values[0]),

  // Which of these boxes of the full size are flat then: 0 or 255; null = not.
  field({ pieces, radius, boxes }) {
    const { values, width, height, step } = alpha;
    const guide = { values: new Float32Array(width * height), width, height };
    for (const piece of pieces) put(guide, piece, brightness);
    field = fieldOf(guide.values, values, width, height, radius);
    return boxes.map((box) => flatIn(field, step, box));
  },

  apply({ picture, box }) {
    const guide = { values: new Float32Array(box.width * box.height), width: box.width, height: box.height };
    put(guide, { picture, x: 0, y: 0 }, brightness);
    return applied(field, guide.values, alpha.step, box);
  },
};

// Rec. 709's weights.
const brightness = (data, at) => 0.2126 * data[at] + 0.7152 * data[at + 1] + 0.0722 * data[at + 2];

function put({ values, width, height }, { picture, x, y }, valueOf) {
  const { data } = pixelsOf(picture);
  for (let row = Math.max(0, -y); row < Math.min(picture.height, height - y); row += 1) {
    for (let column = Math.max(0, -x); column < Math.min(picture.width, width - x); column += 1) {
      values[(y + row) * width + x + column] = valueOf(data, 4 * (row * picture.width + column)) / 255;
    }
  }
}

function pixelsOf(picture) {
  if (picture instanceof ImageData) return picture;
  const context = new OffscreenCanvas(picture.width, picture.height).getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0);
  return context.getImageData(0, 0, picture.width, picture.height);
}

addEventListener("message", ({ data }) => {
  const answer = questions[data.what](data);
  postMessage(answer, answer instanceof Uint8ClampedArray ? [answer.buffer] : []);
});

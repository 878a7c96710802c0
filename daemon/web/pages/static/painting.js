// The strokes on an alpha: painted at once, snapped to the photo's edges behind, undone and done again.
import { reachOf } from "./edge_snap.js";
import { part, sheet } from "./pixels.js";
import { pack, unpack } from "./packed.js";
import { Stroke } from "./stroke.js";

const MOST_BYTES = 64e6; // of strokes that can be undone: some thousands, since they are packed
const [LEAST_RADIUS, MOST_RADIUS] = [2, 128]; // of the filter, pixels; broader brushes snap less, until somebody zooms in
const PER_BRUSH = 2; // the filter's radius for one of the brush, so that it sees what lies around a stroke everywhere within it
const RANK = 0; // of the original's tiles, for the filter

export class Painting {
  // pictures: of the job. changed(number of the tile, box in it): draw it anew. settled(): what can be undone is another.
  constructor(tiles, pictures, { changed, settled, failed }) {
    this.tiles = tiles;
    this.pictures = pictures;
    this.changed = changed;
    this.settled = settled;
    this.failed = failed;
    this.open = []; // strokes that are under way, or wait for a tile or for the filter; the oldest first
    this.done = []; // of Map: number of the tile -> its packed bytes before
    this.undone = [];
    this.forgotten = false; // strokes that can no longer be undone
    this.idle = Promise.resolve();
    this.worker = null;
  }

  get canUndo() {
    return this.done.length + this.open.length > 0;
  }

  get canRedo() {
    return this.undone.length > 0;
  }

  get dirty() {
    return this.canUndo || this.forgotten;
  }

  // brush: as a Stroke has it, and snap: whether the stroke moves to the photo's edge.
  begin(brush) {
    this.stroke = new Stroke(this.tiles, brush);
    this.stroke.waiting = [];
    this.open.push(this.stroke);
    this.undone = [];
  }

  stretch(from, to, opacity) {
    const { stroke } = this;
    for (const [number, box] of stroke.stretch(from, to, opacity)) {
      if (!stroke.before.has(number) && !this.tiles.get(number)) this.await(stroke, number);
      else {
        this.start(stroke, number);
        stroke.paint(number, box);
        this.changed(number, box);
      }
    }
  }

  start(stroke, number) {
    if (!stroke.before.has(number)) stroke.before.set(number, this.tiles.get(number).slice());
  }

  // Paints on a tile once it is there. Strokes that wait for the same one come in their order.
  await(stroke, number) {
    stroke.asked ??= new Set();
    if (stroke.asked.has(number)) return;
    stroke.asked.add(number);
    stroke.waiting.push(this.tiles.open(number).then(
      () => {
        if (!this.open.includes(stroke)) return;
        this.start(stroke, number);
        this.paintWhole(stroke, number);
      },
      (refusal) => {
        stroke.covers.delete(number);
        this.failed(refusal);
      },
    ));
  }

  paintWhole(stroke, number, values = null) {
    const { width, height } = this.tiles.boxOf(number);
    const box = { x: 0, y: 0, width, height };
    if (values) stroke.paintValues(number, values);
    else stroke.paint(number, box);
    this.changed(number, box);
  }

  // Ends the stroke that is under way.
  end() {
    const { stroke } = this;
    if (!stroke) return;
    this.stroke = null;
    this.idle = this.idle.then(() => this.settle(stroke)).catch((error) => this.failed(error));
    this.settled();
  }

  // Takes back the stroke that is under way, as if it had not been.
  cancel() {
    const { stroke } = this;
    if (!stroke) return;
    this.stroke = null;
    this.open = this.open.filter((each) => each !== stroke);
    for (const [number, before] of stroke.before) this.put(number, before);
    this.settled();
  }

  async settle(stroke) {
    try {
      await Promise.all(stroke.waiting);
      if (stroke.brush.snap) await this.snap(stroke);
    } finally {
      this.open = this.open.filter((each) => each !== stroke);
      const kept = new Map();
      for (const [number, before] of stroke.before) kept.set(number, pack(before));
      if (kept.size) this.done.push(kept);
      this.forget();
      this.settled();
    }
  }

  forget() {
    const bytes = (kept) => [...kept.values()].reduce((sum, each) => sum + each.length, 0);
    let sum = this.done.reduce((all, kept) => all + bytes(kept), 0);
    while (sum > MOST_BYTES && this.done.length > 1) {
      sum -= bytes(this.done.shift());
      this.forgotten = true;
    }
  }

  // Filters each tile of a stroke with so much around it that no border shows; later strokes are painted over it again.
  async snap(stroke) {
    const radius = Math.round(Math.min(Math.max(stroke.brush.radius * PER_BRUSH, LEAST_RADIUS), MOST_RADIUS));
    const found = new Map();
    for (const number of stroke.before.keys()) found.set(number, await this.filtered(number, radius));
    for (const [number, values] of found) {
      this.paintWhole(stroke, number, values);
      for (const later of this.open.slice(this.open.indexOf(stroke) + 1)) {
        if (!later.before.has(number)) continue;
        later.before.set(number, this.tiles.get(number).slice());
        this.paintWhole(later, number);
      }
    }
  }

  // A tile's values, 0..255, as the filter has them.
  async filtered(number, radius) {
    const box = this.tiles.boxOf(number);
    const reach = reachOf(radius);
    const x = Math.max(0, box.x - reach);
    const y = Math.max(0, box.y - reach);
    const width = Math.min(this.tiles.picture.width, box.x + box.width + reach) - x;
    const height = Math.min(this.tiles.picture.height, box.y + box.height + reach) - y;
    const window = { x, y, width, height };
    const [guide, alpha] = await Promise.all([this.brightness(window), this.tiles.part(window)]);
    const flat = alpha.every((value) => value === alpha[0]); // then there is no border to move
    const values = flat ? alpha : await this.ask({ guide, alpha, width, height, radius });
    const made = new Uint8Array(box.width * box.height);
    for (let row = 0; row < box.height; row += 1) {
      const from = (box.y - y + row) * width + box.x - x;
      made.set(values.subarray(from, from + box.width), row * box.width);
    }
    return made;
  }

  // How bright the photo is within a box, one byte a pixel (Rec. 709's weights).
  async brightness(box) {
    const canvas = sheet(box.width, box.height, { willReadFrequently: true });
    for (const number of this.tiles.within(box)) {
      const tile = this.tiles.boxOf(number);
      const picture = await part(this.pictures, "original", `0/${number % this.tiles.columns}/${Math.floor(number / this.tiles.columns)}`, RANK);
      canvas.drawImage(picture, tile.x - box.x, tile.y - box.y);
    }
    const { data } = canvas.getImageData(0, 0, box.width, box.height);
    return Uint8Array.from({ length: box.width * box.height }, (_, n) => 0.2126 * data[4 * n] + 0.7152 * data[4 * n + 1] + 0.0722 * data[4 * n + 2] + 0.5);
  }

  ask(question) {
    this.worker ??= new Worker(new URL("./edge_worker.js", import.meta.url), { type: "module" });
    return new Promise((resolve, reject) => {
      this.worker.onmessage = ({ data }) => resolve(data);
      this.worker.onerror = (event) => reject(new Error(event.message || "edge_worker.js"));
      this.worker.postMessage(question, [question.guide.buffer, question.alpha.buffer]);
    });
  }

  // Promises that the last stroke is undone, once it and those before it have come to rest.
  undo() {
    return this.turn(() => [this.done, this.undone]);
  }

  redo() {
    return this.turn(() => [this.undone, this.done]);
  }

  turn(between) {
    this.idle = this.idle.then(() => {
      const [from, to] = between();
      if (this.open.length || !from.length) return; // a stroke that is under way now comes first
      const now = new Map();
      for (const [number, packed] of from.pop()) {
        const bytes = this.tiles.get(number);
        now.set(number, pack(bytes));
        this.put(number, unpack(packed, bytes.length));
      }
      to.push(now);
      this.settled();
    });
    return this.idle;
  }

  put(number, bytes) {
    this.tiles.get(number).set(bytes);
    const { width, height } = this.tiles.boxOf(number);
    this.changed(number, { x: 0, y: 0, width, height });
  }

  close() {
    this.worker?.terminate();
  }
}

// The strokes on an alpha: painted at once, snapped to the photo's edges behind, undone and done again.
import { reachOf } from "./edge_snap.js";
import { part, sheet } from "./pixels.js";
import { pack, unpack } from "./packed.js";
import { around, Stroke } from "./stroke.js";

const MOST_BYTES = 64e6; // of strokes that can be undone: some thousands, since they are packed
const [LEAST_RADIUS, MOST_RADIUS] = [2, 128]; // of the filter, pixels; broader brushes snap less, until somebody zooms in
const PER_BRUSH = 2; // the filter's radius for one of the brush, so that it sees what lies around a stroke everywhere within it
const TURN_MILLISECONDS = 10; // of painting, until the page may do something else
const RANK = 0; // of the original's tiles, for the filter

// Promises that the page could do something else: draw, or hear a pointer.
const turns = new MessageChannel();
const soon = () => new Promise((resolve) => setTimeout(resolve));
const nextTurn = () => new Promise((resolve) => {
  turns.port1.onmessage = resolve;
  turns.port2.postMessage(null);
});

function isFlat(values) {
  for (let n = 1; n < values.length; n += 1) if (values[n] !== values[0]) return false;
  return true;
}

export class Painting {
  // pictures: of the job. changed(number of the tile, box in it): draw it anew. settled(): what can be undone is another.
  constructor(tiles, pictures, { changed, settled, failed }) {
    this.tiles = tiles;
    this.pictures = pictures;
    this.changed = changed;
    this.settled = settled;
    this.failed = failed;
    this.pieces = []; // of strokes, that are to be painted; in order
    this.drained = null; // a promise, while there are any
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

  // Goes on with the stroke, tile by tile, between whatever else the page has to do.
  stretch(from, to, opacity) {
    const { stroke } = this;
    for (const number of stroke.reaches(from, to)) {
      let piece = stroke.pieces.get(number);
      if (!piece) {
        piece = { stroke, number, stretches: [] };
        stroke.pieces.set(number, piece);
        this.pieces.push(piece);
      }
      piece.stretches.push([from, to, opacity]);
    }
    this.drained ??= this.drain();
  }

  async drain() {
    try {
      while (this.pieces.length) {
        await nextTurn();
        const until = performance.now() + TURN_MILLISECONDS;
        while (this.pieces.length && performance.now() < until) this.paintPiece(this.pieces[0], until);
      }
    } finally {
      this.drained = null;
    }
  }

  paintPiece(piece, until) {
    const { stroke, number, stretches } = piece;
    const boxes = [];
    do boxes.push(stroke.cover(number, ...stretches.shift()));
    while (stretches.length && performance.now() < until);
    if (!stretches.length) {
      this.pieces.shift();
      stroke.pieces.delete(number);
    }
    if (!stroke.before.has(number) && !this.tiles.get(number)) this.await(stroke, number);
    else {
      this.start(stroke, number);
      const box = boxes.reduce(around);
      stroke.paint(number, box);
      this.changed(number, box);
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
    this.pieces = this.pieces.filter((piece) => piece.stroke !== stroke);
    stroke.pieces.clear();
    for (const [number, before] of stroke.before) this.put(number, before);
    this.settled();
  }

  async settle(stroke) {
    try {
      while (stroke.pieces.size) await this.drained;
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
      if (!values) continue;
      await soon(); // each tile takes some milliseconds
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
    const alpha = await this.tiles.part({ x, y, width, height });
    if (isFlat(alpha)) return null; // there is no border to move
    const rgba = await this.colours({ x, y, width, height });
    const inner = { x: box.x - x, y: box.y - y, width: box.width, height: box.height };
    return this.ask({ rgba, alpha, width, height, radius, inner });
  }

  // The photo within a box, four bytes a pixel.
  async colours(box) {
    const numbers = this.tiles.within(box);
    const pictures = await Promise.all(numbers.map((number) =>
      part(this.pictures, "original", `0/${number % this.tiles.columns}/${Math.floor(number / this.tiles.columns)}`, RANK)));
    const canvas = sheet(box.width, box.height, { willReadFrequently: true });
    numbers.forEach((number, n) => {
      const tile = this.tiles.boxOf(number);
      canvas.drawImage(pictures[n], tile.x - box.x, tile.y - box.y);
    });
    return canvas.getImageData(0, 0, box.width, box.height).data;
  }

  ask(question) {
    this.worker ??= new Worker(new URL("./edge_worker.js", import.meta.url), { type: "module" });
    return new Promise((resolve, reject) => {
      this.worker.onmessage = ({ data }) => resolve(data);
      this.worker.onerror = (event) => reject(new Error(event.message || "edge_worker.js"));
      this.worker.postMessage(question, [question.rgba.buffer, question.alpha.buffer]);
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

// The strokes on an alpha: painted at once, snapped to the photo's edges behind, undone and done again.
import { pack, unpack } from "./packed.js";
import { Snapping } from "./snapping.js";
import { around, Stroke } from "./stroke.js";

const MOST_BYTES = 64e6; // of strokes that can be undone: some thousands, since they are packed
const [LEAST_RADIUS, MOST_RADIUS] = [2, 128]; // of the filter, pixels; broader brushes snap less, until somebody zooms in
const PER_BRUSH = 2; // the filter's radius for one of the brush, so that it sees what lies around a stroke everywhere within it
const TURN_MILLISECONDS = 8; // of work, until the page may do something else

// Promises that the page could do something else: draw, or hear a pointer.
const turns = new MessageChannel();
const waiting = [];
turns.port1.onmessage = () => waiting.shift()();
const nextTurn = () => new Promise((resolve) => {
  waiting.push(resolve);
  turns.port2.postMessage(null);
});

export class Painting {
  // pictures: of the job. changed(number of the tile, box in it): draw it anew. settled(): what can be undone is another.
  constructor(tiles, pictures, { changed, settled, failed }) {
    this.tiles = tiles;
    this.changed = changed;
    this.settled = settled;
    this.failed = failed;
    this.pieces = []; // of strokes, that are to be painted; in order
    this.drained = null; // a promise, while there are any
    this.open = []; // strokes that are under way, or wait for a tile or for the filter; the oldest first
    this.done = []; // of Map: number of the tile -> its bytes before, {plain} until they are {packed}
    this.undone = [];
    this.forgotten = false; // strokes that can no longer be undone
    this.idle = Promise.resolve();
    this.snapping = new Snapping(tiles, pictures, nextTurn);
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
      const kept = new Map([...stroke.before].map(([number, plain]) => [number, { plain }]));
      if (kept.size) this.done.push(kept);
      this.settled();
      await this.packAll(kept);
      this.forget();
    }
  }

  // Packs what a stroke changed, bit by bit, since there may be a hundred tiles.
  async packAll(kept) {
    let until = performance.now() + TURN_MILLISECONDS;
    for (const [number, { plain }] of kept) {
      if (performance.now() > until) {
        await nextTurn();
        until = performance.now() + TURN_MILLISECONDS;
      }
      kept.set(number, { packed: pack(plain) });
    }
  }

  forget() {
    const bytes = (kept) => [...kept.values()].reduce((sum, each) => sum + each.packed.length, 0);
    let sum = this.done.reduce((all, kept) => all + bytes(kept), 0);
    while (sum > MOST_BYTES && this.done.length > 1) {
      sum -= bytes(this.done.shift());
      this.forgotten = true;
    }
  }

  // Has the tiles of a stroke follow the photo's edges; later strokes are painted over them again.
  async snap(stroke) {
    const radius = Math.round(Math.min(Math.max(stroke.brush.radius * PER_BRUSH, LEAST_RADIUS), MOST_RADIUS));
    const found = await this.snapping.filtered([...stroke.before.keys()], radius);
    for (const [number, values] of found) {
      if (values === null || values === stroke.brush.to) continue; // the stroke is right there
      await nextTurn(); // each tile takes some milliseconds
      this.paintWhole(stroke, number, typeof values === "number" ? new Uint8Array(this.tiles.get(number).length).fill(values) : values);
      for (const later of this.open.slice(this.open.indexOf(stroke) + 1)) {
        if (!later.before.has(number)) continue;
        later.before.set(number, this.tiles.get(number).slice());
        this.paintWhole(later, number);
      }
    }
  }

  // Promises that the last stroke is undone, once it and those before it have come to rest.
  undo() {
    return this.turn(() => [this.done, this.undone]);
  }

  redo() {
    return this.turn(() => [this.undone, this.done]);
  }

  turn(between) {
    this.idle = this.idle.then(async () => {
      const [from, to] = between();
      if (this.open.length || !from.length) return; // a stroke that is under way now comes first
      const now = new Map();
      for (const [number, { packed }] of from.pop()) {
        const plain = this.tiles.get(number);
        now.set(number, { plain });
        this.put(number, unpack(packed, plain.length));
      }
      to.push(now);
      this.settled();
      await this.packAll(now);
    });
    return this.idle;
  }

  put(number, bytes) {
    this.tiles.set(number, bytes);
    const { width, height } = this.tiles.boxOf(number);
    this.changed(number, { x: 0, y: 0, width, height });
  }

  close() {
    this.snapping.close();
  }
}

// Shows one photo on a canvas: the picture that fits first, then sharp tiles; grounds, slider, marks.
import { paintGround } from "./grounds.js";
import { paintMarks } from "./marks.js";
import { paintParts, TILE_RANK } from "./painted_parts.js";
import { has, part, pixels, ready, sizeOf } from "./pixels.js";

const LARGEST = 8; // device pixels for one of the picture
const AROUND = 20; // CSS pixels around a picture that fits, and below it what the buttons need
const BELOW = 62;

// view: {scale: CSS pixels for one of the picture, null = it fits; x, y: what lies in the middle, 0..1 of the picture}.
export class Viewer {
  constructor(canvas, { changed = () => {}, failed = () => {} } = {}) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.view = { scale: null, x: 0.5, y: 0.5 };
    this.layer = "result";
    this.ground = { name: "chequers" };
    this.split = null; // 0..1 of the stage's width: left of it the original is shown
    this.marks = [];
    this.shift = { x: 0, y: 0 }; // of a swipe under way, CSS pixels
    this.changed = changed;
    this.failed = failed;
    this.pictures = null;
    this.above = 0; // CSS pixels that are kept free above a picture that fits
    this.touched = null; // a TouchLayer, while the picture is touched up
    this.drawing = 0;
    new ResizeObserver(() => this.resize()).observe(canvas.parentElement);
    this.resize();
  }

  show(pictures, marks = []) {
    this.pictures = pictures;
    this.marks = marks;
    this.shift = { x: 0, y: 0 };
    pixels.drop((entry) => entry.rank === TILE_RANK);
    this.redraw();
  }

  resize() {
    const { clientWidth, clientHeight } = this.canvas.parentElement;
    this.ratio = devicePixelRatio || 1;
    this.width = clientWidth;
    this.height = clientHeight;
    this.canvas.width = Math.max(1, Math.round(clientWidth * this.ratio));
    this.canvas.height = Math.max(1, Math.round(clientHeight * this.ratio));
    this.draw();
  }

  get size() {
    return sizeOf(this.pictures, "result");
  }

  get fitting() {
    const { width, height } = this.size;
    const around = this.width > 700 ? AROUND : 0;
    return Math.max(0.001, Math.min((this.width - 2 * around) / width, (this.height - around - BELOW - this.above) / height));
  }

  get scale() {
    return this.view.scale ?? this.fitting;
  }

  // How large the picture is shown, in percent of its own pixels on this screen.
  get percent() {
    return this.pictures ? 100 * this.scale * this.ratio : 0;
  }

  get zoomed() {
    return this.view.scale !== null && this.pictures !== null && this.view.scale > this.fitting * 1.001;
  }

  // Whether nothing of the picture is there yet. Without a sign it would look like a result with nothing in it.
  get waits() {
    if (!this.pictures || (this.touched && this.layer !== "original")) return false;
    return has(this.pictures, this.layer) && !ready(this.pictures, this.layer, "fit");
  }

  // Where the picture lies, in CSS pixels of the stage.
  get box() {
    const { width, height } = this.size;
    const scale = this.scale;
    const up = this.view.scale === null ? (BELOW - (this.width > 700 ? AROUND : 0) - this.above) / 2 : 0;
    return {
      x: this.width / 2 - this.view.x * width * scale + this.shift.x,
      y: this.height / 2 - this.view.y * height * scale + this.shift.y - up,
      width: width * scale,
      height: height * scale,
    };
  }

  // Shows the whole picture.
  fit() {
    this.view = { scale: null, x: 0.5, y: 0.5 };
    this.redraw();
  }

  // Shows one pixel of the picture as one of the screen, with this place (0..1 of the picture) where `at` is on the stage.
  fullSize(place, at = null) {
    this.zoomTo(1 / this.ratio, place, at);
  }

  zoomTo(scale, place, at) {
    if (!this.pictures) return;
    const least = this.fitting;
    const { width, height } = this.size;
    const bounded = Math.min(Math.max(scale, least), Math.max(LARGEST / this.ratio, least));
    if (bounded <= least * 1.001) return this.fit();
    const dx = at ? (this.width / 2 - at.x) / (width * bounded) : 0;
    const dy = at ? (this.height / 2 - at.y) / (height * bounded) : 0;
    this.view = { scale: bounded, ...this.bounded(place.x + dx, place.y + dy, bounded) };
    return this.redraw();
  }

  // Zooms by a factor, so that what lies at `at` (CSS pixels of the stage) stays there.
  zoomBy(factor, at) {
    if (this.pictures) this.zoomTo(this.scale * factor, this.placeAt(at), at);
  }

  moveBy(dx, dy) {
    if (!this.zoomed) return;
    const { width, height } = this.size;
    const { x, y, scale } = this.view;
    Object.assign(this.view, this.bounded(x - dx / (width * scale), y - dy / (height * scale), scale));
    this.redraw();
  }

  // The middle, so that the picture does not leave the stage.
  bounded(x, y, scale) {
    const half = (stage, whole) => Math.min(0.5, stage / (2 * whole * scale));
    const across = half(this.width, this.size.width);
    const down = half(this.height, this.size.height);
    return { x: Math.min(Math.max(x, across), 1 - across), y: Math.min(Math.max(y, down), 1 - down) };
  }

  // The place of the picture, 0..1, under a point of the stage.
  placeAt(at) {
    const box = this.box;
    return { x: Math.min(Math.max((at.x - box.x) / box.width, 0), 1), y: Math.min(Math.max((at.y - box.y) / box.height, 0), 1) };
  }

  redraw() {
    if (this.drawing) return;
    this.drawing = requestAnimationFrame(() => {
      this.drawing = 0;
      this.draw();
    });
  }

  draw() {
    const { context } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.complete = false;
    if (this.pictures) {
      if (this.view.scale !== null && this.view.scale <= this.fitting) this.view = { scale: null, x: 0.5, y: 0.5 };
      else if (this.view.scale !== null) Object.assign(this.view, this.bounded(this.view.x, this.view.y, this.view.scale));
      this.complete = this.paint();
      if (!this.waits) paintMarks(this.context, this.onDevice(), this.marks, this.ratio);
    }
    this.changed(this);
  }

  paint() {
    const box = this.onDevice();
    if (this.split === null) return this.paintLayer(this.layer, box, 0, this.canvas.width);
    const line = Math.round(this.split * this.canvas.width);
    const left = this.paintLayer("original", box, 0, line);
    const right = this.paintLayer(this.layer === "original" ? "result" : this.layer, box, line, this.canvas.width);
    this.context.fillStyle = "#ffffff";
    this.context.fillRect(line - this.ratio, box.y, 2 * this.ratio, box.height);
    return left && right;
  }

  onDevice() {
    const box = this.box;
    const x = Math.round(box.x * this.ratio);
    const y = Math.round(box.y * this.ratio);
    return { x, y, width: Math.round((box.x + box.width) * this.ratio) - x, height: Math.round((box.y + box.height) * this.ratio) - y };
  }

  // Paints one layer between two columns of the canvas. Returns whether all of it is as sharp as it gets.
  paintLayer(layer, box, from, to) {
    const { context } = this;
    context.save();
    context.beginPath();
    context.rect(from, 0, to - from, this.canvas.height);
    context.clip();
    context.beginPath();
    context.rect(box.x, box.y, box.width, box.height);
    context.clip();
    let grounded = true;
    if (layer === "result") {
      if (this.ground.name === "original") grounded = this.paintParts("original", box);
      else paintGround(context, this.ground, box, this.ratio);
      if (this.ground.name === "original") {
        context.fillStyle = "rgb(255 255 255 / 0.72)"; // so that the subject stands out from its own surroundings
        context.fillRect(box.x, box.y, box.width, box.height);
      }
    }
    const whole = this.touched && layer !== "original" ? this.touched.paint(this, box, layer === "alpha") : this.paintParts(layer, box);
    context.restore();
    return whole && grounded;
  }

  // Paints onto another canvas.
  onto(context, paint) {
    const own = this.context;
    this.context = context;
    try {
      return paint();
    } finally {
      this.context = own;
    }
  }

  paintParts(layer, box) {
    return !has(this.pictures, layer) || paintParts(this.context, this.pictures, layer, box, (name, rank) => this.have(layer, name, rank));
  }

  // A part that is there, else undefined; then it is asked for, and drawn once it has come.
  have(layer, name, rank) {
    const { pictures } = this;
    const found = ready(pictures, layer, name);
    if (found) return found;
    part(pictures, layer, name, rank).then(
      () => {
        if (this.pictures === pictures) this.redraw();
      },
      (error) => {
        if (this.pictures === pictures && error.name !== "AbortError") this.failed(error, pictures);
      },
    );
    return undefined;
  }
}

// The same part of several pictures side by side: whatever enlarges or moves one of them does so with all.
import { gestures } from "./gestures.js";
import { paintGround } from "./grounds.js";

const LARGEST = 12; // times as large as a picture that fits

export class Together {
  // changed(): the view is another one.
  constructor(changed) {
    this.changed = changed;
    this.shown = new Map(); // canvas -> {picture, ground}
    this.zoom = 1;
    this.middle = { x: 0.5, y: 0.5 }; // what lies in the middle of each canvas, 0..1 of its picture
  }

  get zoomed() {
    return this.zoom > 1.001;
  }

  // Shows a picture on a canvas of its own, from now on.
  add(canvas, picture, ground) {
    this.shown.set(canvas, { picture, ground });
    this.draw(canvas);
    const viewer = {
      shift: { x: 0, y: 0 }, // nothing is swiped here
      redraw() {},
      zoomBy: (factor, at) => this.zoomBy(factor, canvas, at),
      moveBy: (dx, dy) => this.moveBy(canvas, dx, dy),
    };
    Object.defineProperty(viewer, "zoomed", { get: () => this.zoomed });
    const nothing = () => {};
    gestures(canvas, viewer, { swiped: nothing, hint: nothing, tapped: nothing, moved: nothing, slide: () => false, brush: () => null });
  }

  // As many pixels as the screen has for the canvas.
  size(canvas) {
    const width = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
    const height = Math.max(1, Math.round(canvas.clientHeight * devicePixelRatio));
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  }

  // Where the picture lies on its canvas, in the canvas's own pixels.
  box(canvas, zoom = this.zoom) {
    const { picture } = this.shown.get(canvas);
    const scale = zoom * Math.min(canvas.width / picture.width, canvas.height / picture.height);
    const width = picture.width * scale;
    const height = picture.height * scale;
    return { x: canvas.width / 2 - this.middle.x * width, y: canvas.height / 2 - this.middle.y * height, width, height };
  }

  // Zooms by a factor, so that what lies at `at` (CSS pixels of the canvas; none = its middle) stays there.
  zoomBy(factor, canvas = [...this.shown.keys()][0], at = null) {
    if (!canvas) return;
    const ratio = canvas.width / canvas.clientWidth;
    const point = at ? { x: at.x * ratio, y: at.y * ratio } : { x: canvas.width / 2, y: canvas.height / 2 };
    const before = this.box(canvas);
    const place = { x: (point.x - before.x) / before.width, y: (point.y - before.y) / before.height };
    this.zoom = Math.min(Math.max(this.zoom * factor, 1), LARGEST);
    const now = this.box(canvas);
    this.look(canvas, place.x + (canvas.width / 2 - point.x) / now.width, place.y + (canvas.height / 2 - point.y) / now.height);
  }

  // Moves by CSS pixels of a canvas.
  moveBy(canvas, dx, dy) {
    const ratio = canvas.width / canvas.clientWidth;
    const { width, height } = this.box(canvas);
    this.look(canvas, this.middle.x - (dx * ratio) / width, this.middle.y - (dy * ratio) / height);
  }

  // Moves by shares of what is seen of a picture, e.g. 0.2 to the right.
  step(x, y) {
    const [canvas] = this.shown.keys();
    if (canvas) this.moveBy(canvas, -x * canvas.clientWidth, -y * canvas.clientHeight);
  }

  fit() {
    this.zoom = 1;
    this.middle = { x: 0.5, y: 0.5 };
    this.all();
  }

  look(canvas, x, y) {
    const { width, height } = this.box(canvas);
    const bounded = (value, half) => Math.min(Math.max(value, half), 1 - half); // the picture does not leave its canvas
    this.middle = {
      x: bounded(x, Math.min(0.5, canvas.width / (2 * width))),
      y: bounded(y, Math.min(0.5, canvas.height / (2 * height))),
    };
    this.all();
  }

  all() {
    for (const canvas of this.shown.keys()) this.draw(canvas);
    this.changed();
  }

  draw(canvas) {
    this.size(canvas);
    const context = canvas.getContext("2d");
    const { picture, ground } = this.shown.get(canvas);
    const box = this.box(canvas);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingEnabled = box.width < 2.5 * picture.width; // far beyond 100 %, show true pixels
    context.imageSmoothingQuality = "high";
    context.save();
    context.beginPath();
    context.rect(box.x, box.y, box.width, box.height);
    context.clip();
    paintGround(context, ground, box, devicePixelRatio);
    context.drawImage(picture, box.x, box.y, box.width, box.height);
    context.restore();
  }
}

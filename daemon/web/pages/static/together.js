// The same part of several cut-outs of a photo side by side: whatever enlarges or moves one of them does so with all.
import { gestures } from "./gestures.js";
import { paintGround } from "./grounds.js";
import { paintParts, TILE_RANK } from "./painted_parts.js";
import { keyOf, part, pixels, ready, sheet } from "./pixels.js";

const LARGEST = 8; // device pixels for one of the picture, or as many times as large as one that fits, if that is more
const NEAR = 4; // times as large, of a picture so small that it is shown at 100 % already
const AGAIN_SECONDS = 2; // after a failure that passes

export class Together {
  // changed(): the view is another one, or sharper. failed(error): a part will not come.
  constructor(changed, failed) {
    this.changed = changed;
    this.failed = failed;
    this.shown = new Map(); // canvas -> {pictures, ground, sharp}
    this.zoom = 1;
    this.middle = { x: 0.5, y: 0.5 }; // what lies in the middle of each canvas, 0..1 of its picture
    this.colours = sheet(1, 1);
    this.mask = sheet(1, 1);
    this.drawing = 0;
    this.wanted = new Set(); // keys of the parts that are seen now and have not come
    this.asked = new Set();
    this.closed = false;
    this.size = new ResizeObserver(() => this.redraw());
    this.sight = new IntersectionObserver((entries) => { // what is scrolled away asks for nothing
      for (const { target, isIntersecting } of entries) Object.assign(this.shown.get(target) ?? {}, { seen: isIntersecting });
      this.redraw();
    });
  }

  get zoomed() {
    return this.zoom > 1.001;
  }

  // How large the pictures are shown, in percent of their own pixels on this screen.
  get percent() {
    const [canvas] = this.shown.keys();
    return canvas ? (100 * this.box(canvas).width) / this.pictureOf(canvas).width : 0;
  }

  // Whether all that is seen is as sharp as it gets.
  get sharp() {
    return [...this.shown.values()].every((each) => each.sharp || !each.seen);
  }

  // Shows a cut-out on a canvas of its own, from now on. pictures: of a photo, as `part` takes them; the alpha's size counts.
  add(canvas, pictures, ground) {
    this.shown.set(canvas, { pictures, ground, sharp: false, seen: true });
    this.fitToScreen(canvas);
    this.size.observe(canvas);
    this.sight.observe(canvas);
    const viewer = {
      shift: { x: 0, y: 0 }, // nothing is swiped here
      redraw() {},
      zoomBy: (factor, at) => this.zoomBy(factor, canvas, at),
      moveBy: (dx, dy) => this.moveBy(canvas, dx, dy),
    };
    Object.defineProperty(viewer, "zoomed", { get: () => this.zoomed });
    const nothing = () => {};
    gestures(canvas, viewer, { swiped: nothing, hint: nothing, tapped: nothing, moved: nothing, slide: () => false, brush: () => null });
    this.redraw();
  }

  close() {
    this.closed = true;
    this.shown.clear();
    this.size.disconnect();
    this.sight.disconnect();
    this.wanted.clear();
    this.drop();
  }

  pictureOf(canvas) {
    return this.shown.get(canvas).pictures.alpha;
  }

  // As many pixels as the screen has for the canvas.
  fitToScreen(canvas) {
    const width = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
    const height = Math.max(1, Math.round(canvas.clientHeight * devicePixelRatio));
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  }

  // How many pixels of the canvas one of the picture takes if the whole of it is shown.
  fitting(canvas) {
    const picture = this.pictureOf(canvas);
    return Math.min(canvas.width / picture.width, canvas.height / picture.height);
  }

  // Where the picture lies on its canvas, in whole pixels of the canvas.
  box(canvas) {
    const picture = this.pictureOf(canvas);
    const scale = this.zoom * this.fitting(canvas);
    const [width, height] = [Math.round(picture.width * scale), Math.round(picture.height * scale)];
    return { x: Math.round(canvas.width / 2 - this.middle.x * width), y: Math.round(canvas.height / 2 - this.middle.y * height), width, height };
  }

  // Zooms by a factor, so that what lies at `at` (CSS pixels of the canvas; none = its middle) stays there.
  zoomBy(factor, canvas = [...this.shown.keys()][0], at = null) {
    if (!canvas) return;
    const ratio = canvas.width / canvas.clientWidth;
    const point = at ? { x: at.x * ratio, y: at.y * ratio } : { x: canvas.width / 2, y: canvas.height / 2 };
    const before = this.box(canvas);
    const place = { x: (point.x - before.x) / before.width, y: (point.y - before.y) / before.height };
    this.zoom = Math.min(Math.max(this.zoom * factor, 1), Math.max(LARGEST, LARGEST / this.fitting(canvas)));
    const now = this.box(canvas);
    this.look(canvas, place.x + (canvas.width / 2 - point.x) / now.width, place.y + (canvas.height / 2 - point.y) / now.height);
  }

  // One pixel of the picture as one of the screen, at a place (0..1 of the picture); none = in the middle of what is seen.
  fullSize(place = this.middle) {
    const [canvas] = this.shown.keys();
    if (!canvas) return;
    const times = 1 / this.fitting(canvas);
    this.zoom = times > 1.1 ? times : NEAR;
    this.look(canvas, place.x, place.y);
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
    this.redraw();
  }

  look(canvas, x, y) {
    const { width, height } = this.box(canvas);
    const bounded = (value, half) => Math.min(Math.max(value, half), 1 - half); // the picture does not leave its canvas
    this.middle = {
      x: bounded(x, Math.min(0.5, canvas.width / (2 * width))),
      y: bounded(y, Math.min(0.5, canvas.height / (2 * height))),
    };
    this.redraw();
  }

  redraw() {
    if (this.drawing || this.closed) return;
    this.drawing = requestAnimationFrame(() => {
      this.drawing = 0;
      this.draw();
    });
  }

  draw() {
    this.wanted.clear();
    for (const [canvas, each] of this.shown) if (each.seen) each.sharp = this.drawOne(canvas, each);
    this.drop();
    this.changed();
  }

  // Asks no more for tiles that are not seen now.
  drop() {
    pixels.drop(({ rank, key }) => rank === TILE_RANK && this.asked.has(key) && !this.wanted.has(key));
  }

  drawOne(canvas, { pictures, ground }) {
    this.fitToScreen(canvas);
    const context = canvas.getContext("2d");
    const box = this.box(canvas);
    const layers = [[this.colours, "original"], [this.mask, "cover"]];
    const sharp = layers.map(([sheetOfIt, layer]) => {
      Object.assign(sheetOfIt.canvas, { width: canvas.width, height: canvas.height }); // that clears it
      return paintParts(sheetOfIt, pictures, layer, box, (name, rank) => this.have(pictures, layer, name, rank));
    });
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!ready(pictures, "original", "fit") || !ready(pictures, "cover", "fit")) return false;
    this.colours.globalCompositeOperation = "destination-in";
    this.colours.drawImage(this.mask.canvas, 0, 0);
    context.save();
    context.beginPath();
    context.rect(box.x, box.y, box.width, box.height);
    context.clip();
    paintGround(context, ground, box, devicePixelRatio);
    context.drawImage(this.colours.canvas, 0, 0);
    context.restore();
    return sharp.every(Boolean);
  }

  // A part that is there, else undefined; then it is asked for, and drawn once it has come.
  have(pictures, layer, name, rank) {
    const found = ready(pictures, layer, name);
    if (found) return found;
    const key = keyOf(pictures, layer, name);
    this.wanted.add(key);
    if (this.asked.has(key)) return undefined;
    this.asked.add(key);
    part(pictures, layer, name, rank).finally(() => this.asked.delete(key)).then(
      () => this.redraw(),
      (error) => {
        if (this.closed || !this.wanted.has(key)) return;
        if (error.name === "AbortError") this.redraw(); // somebody else wanted it no more
        else if (error.passing) setTimeout(() => this.redraw(), AGAIN_SECONDS * 1000);
        else this.failed(error);
      },
    );
    return undefined;
  }
}

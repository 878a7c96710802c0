// What the filter makes of tiles whose alpha is to follow the photo's edges. Only what lies at a border is looked at in full.
import { levelOf, reachOf } from "./edge_snap.js";
import { part, sheet } from "./pixels.js";

const [RANK, LATER] = [0, 2]; // of the tiles, for `part`
const AHEAD = 3; // tiles of the original that are fetched while one is filtered
const AT_ONCE = 3; // tiles that the worker has, so that it never waits for the page

// What a worker can read: a bitmap, or its pixels where a worker has no canvas.
function readable(picture) {
  if (typeof OffscreenCanvas === "function") return picture;
  const canvas = sheet(picture.width, picture.height, { willReadFrequently: true });
  canvas.drawImage(picture, 0, 0);
  return canvas.getImageData(0, 0, picture.width, picture.height);
}

export class Snapping {
  // tiles: AlphaTiles. pictures: of the job; the original has the alpha's size. nextTurn(): lets the page do something else.
  constructor(tiles, pictures, nextTurn) {
    this.tiles = tiles;
    this.pictures = pictures;
    this.nextTurn = nextTurn;
    this.worker = null;
    this.asked = []; // what waits for the worker's answers, in order
  }

  // Has the daemon decode the original, whose tiles the next stroke needs.
  prepare() {
    part(this.pictures, "original", `${this.tiles.picture.levels - 1}/0/0`, LATER).catch(() => {});
  }

  // Promises the values 0..255 of tiles by number: an array, a number if all are the same, null where no border is around.
  async filtered(numbers, radius) {
    const level = Math.min(levelOf(radius), this.tiles.picture.levels - 1);
    const groups = new Map(); // tiles that lie in the same one of the smaller picture
    for (const number of numbers) {
      const { x, y } = this.tiles.boxOf(number);
      const key = [x, y].map((each) => Math.floor(each / (this.tiles.picture.tile << level))).join();
      groups.set(key, [...(groups.get(key) ?? []), number]);
    }
    const found = new Map();
    for (const group of groups.values()) await this.filter(group, level, radius, found);
    return found;
  }

  async filter(group, level, radius, found) {
    const step = 2 ** level;
    const region = this.regionAround(group, step, radius);
    await this.sendAlpha(region, level);
    if (await this.ask({ what: "isFlat" })) return group.forEach((number) => found.set(number, null));
    const boxes = group.map((number) => {
      const { x, y, width, height } = this.tiles.boxOf(number);
      return { x: x - region.x * step, y: y - region.y * step, width, height };
    });
    const pieces = await this.pieces("original", region, level);
    const flat = await this.ask({ what: "field", pieces, radius: Math.round(radius / step), boxes });
    const left = [];
    for (const [n, number] of group.entries()) {
      if (flat[n] === null) left.push({ number, box: boxes[n] });
      else found.set(number, flat[n]);
    }
    const answers = [];
    for (const [n, { number, box }] of left.entries()) {
      for (const next of left.slice(n + 1, n + 1 + AHEAD)) this.original(next.number).catch(() => {});
      const picture = readable(await this.original(number));
      if (n >= AT_ONCE) await answers[n - AT_ONCE];
      answers.push(this.ask({ what: "apply", picture, box }).then((values) => found.set(number, values)));
      answers[n].catch(() => {}); // it is heard of below
    }
    return Promise.all(answers);
  }

  original(number) {
    return part(this.pictures, "original", `0/${number % this.tiles.columns}/${Math.floor(number / this.tiles.columns)}`, RANK);
  }

  // The part of the picture, made smaller, on which the values of tiles depend.
  regionAround(group, step, radius) {
    const boxes = group.map((number) => this.tiles.boxOf(number));
    const reach = Math.ceil(reachOf(radius) / step) + 1;
    const { width, height } = this.tiles.picture;
    const least = (axis) => Math.max(0, Math.min(...boxes.map((box) => box[axis])) / step - reach);
    const most = (axis, side, all) => Math.min(Math.ceil(all / step), Math.ceil(Math.max(...boxes.map((box) => box[axis] + box[side])) / step) + reach);
    const [x, y] = [least("x"), least("y")];
    return { x, y, width: most("x", "width", width) - x, height: most("y", "height", height) - y };
  }

  async sendAlpha(region, level) {
    const step = 2 ** level;
    await this.ask({ what: "alpha", pieces: await this.pieces("alpha", region, level), width: region.width, height: region.height, step });
    const whole = { x: region.x * step, y: region.y * step, width: region.width * step, height: region.height * step };
    for (const number of this.tiles.within(whole)) {
      const bytes = this.tiles.get(number);
      if (!bytes) continue;
      const { x, y, width, height } = this.tiles.boxOf(number);
      await this.nextTurn();
      await this.ask({ what: "changed", bytes, box: { x: x / step - region.x, y: y / step - region.y, width, height } });
    }
  }

  // The tiles of a level that a region touches, and where they lie in it.
  async pieces(layer, region, level) {
    const { tile } = this.tiles.picture;
    const last = { x: region.x + region.width - 1, y: region.y + region.height - 1 };
    const wanted = [];
    for (let y = Math.floor(region.y / tile); y <= Math.floor(last.y / tile); y += 1) {
      for (let x = Math.floor(region.x / tile); x <= Math.floor(last.x / tile); x += 1) wanted.push({ x, y });
    }
    const pictures = await Promise.all(wanted.map(({ x, y }) => part(this.pictures, layer, `${level}/${x}/${y}`, RANK)));
    return wanted.map(({ x, y }, n) => ({ picture: readable(pictures[n]), x: x * tile - region.x, y: y * tile - region.y }));
  }

  ask(question) {
    if (!this.worker) {
      this.worker = new Worker(new URL("./edge_worker.js", import.meta.url), { type: "module" });
      this.worker.onmessage = ({ data }) => this.asked.shift().resolve(data);
      this.worker.onerror = (event) => this.asked.shift()?.reject(new Error(event.message || "edge_worker.js"));
    }
    return new Promise((resolve, reject) => {
      this.worker.postMessage(question);
      this.asked.push({ resolve, reject });
    });
  }

  close() {
    this.worker?.terminate();
  }
}

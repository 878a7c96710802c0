// Fetches pictures and tiles, puts colour and alpha together, and keeps the last ones.
//
// Colour and alpha come apart, so one download serves every ground, the slider and "alpha alone".
import { Refusal, refusal } from "./api.js";

export const SEEN_RANK = 1; // up to this rank, somebody looks at the place where it is missing

// A browser opens six connections to a host: one hears events, one is for decisions; a result takes two, for colour and
// alpha. The daemon may build for seconds what nobody asked for before, so only one of two places is for what may be seen
// later, and none while something is missing that is looked at.
const PLACES = 2;
const KEPT_PIXELS = (navigator.deviceMemory ?? 4) > 4 ? 60e6 : 30e6; // of four bytes each

// Made pictures by key, the ones used last kept. A key is wanted once, however often it is asked for.
class Pixels {
  constructor() {
    this.made = new Map();
    this.pixels = 0;
    this.waiting = []; // of {key, make, rank, started}
    this.asked = new Map();
    this.busy = { now: 0, later: 0 };
  }

  // What is there already, else undefined.
  get(key) {
    const found = this.made.get(key);
    if (!found) return undefined;
    this.made.delete(key);
    this.made.set(key, found);
    return found;
  }

  // Promises a picture. rank: the lower, the sooner. A lower rank moves a waiting one forward.
  want(key, rank, make) {
    const found = this.get(key);
    if (found) return Promise.resolve(found);
    const asked = this.asked.get(key);
    if (asked) {
      asked.rank = Math.min(asked.rank, rank);
      return asked.promise;
    }
    const entry = { key, rank, make };
    entry.promise = new Promise((resolve, reject) => Object.assign(entry, { resolve, reject }));
    entry.promise.catch(() => {});
    this.asked.set(key, entry);
    this.waiting.push(entry);
    this.start();
    return entry.promise;
  }

  // Forgets what waits and fits none of these ranks any more, so that old tiles do not come before new ones.
  drop(unwanted) {
    this.waiting = this.waiting.filter((entry) => {
      if (!unwanted(entry)) return true;
      this.asked.delete(entry.key);
      entry.reject(new DOMException("no longer wanted", "AbortError"));
      return false;
    });
  }

  start() {
    this.waiting.sort((a, b) => a.rank - b.rank);
    while (this.waiting.length && this.busy.now + this.busy.later < PLACES) {
      const kind = this.waiting[0].rank <= SEEN_RANK ? "now" : "later";
      if (kind === "later" && this.busy.now + this.busy.later > 0) break;
      this.run(this.waiting.shift(), kind);
    }
  }

  async run(entry, kind) {
    this.busy[kind] += 1;
    try {
      const made = await entry.make();
      this.keep(entry.key, made);
      entry.resolve(made);
    } catch (error) {
      entry.reject(error);
    } finally {
      this.busy[kind] -= 1;
      this.asked.delete(entry.key);
      this.start();
    }
  }

  keep(key, made) {
    this.made.set(key, made);
    this.pixels += made.width * made.height;
    for (const [old, picture] of this.made) {
      if (this.pixels <= KEPT_PIXELS || old === key) break;
      this.made.delete(old);
      this.pixels -= picture.width * picture.height;
      free(picture);
    }
  }
}

export const pixels = new Pixels();

// Gives memory back at once, instead of when the browser gets to it.
function free(picture) {
  if (picture instanceof ImageBitmap) picture.close();
  else picture.width = 0;
}

// One file as a bitmap. Raises Refusal, or InvalidStateError for what is no picture.
export async function bitmap(url, options = {}) {
  let answer;
  try {
    answer = await fetch(url, { redirect: "error" });
  } catch {
    throw new Refusal(0);
  }
  if (!answer.ok) throw await refusal(answer);
  return createImageBitmap(await answer.blob(), { premultiplyAlpha: "none", ...options });
}

// Colours, visible as the grey alpha says: a canvas.
export function masked(colour, alpha) {
  const { width, height } = alpha;
  const mask = cover(alpha);
  const whole = sheet(width, height);
  whole.drawImage(colour, 0, 0, width, height);
  whole.globalCompositeOperation = "destination-in";
  whole.drawImage(mask, 0, 0);
  return whole.canvas;
}

// A black canvas, visible as the grey alpha says.
export function cover(alpha) {
  const { width, height } = alpha;
  const mask = sheet(width, height, { willReadFrequently: true });
  mask.drawImage(alpha, 0, 0);
  const data = mask.getImageData(0, 0, width, height);
  const words = new Uint32Array(data.data.buffer);
  for (let n = 0; n < words.length; n += 1) words[n] = (words[n] & 0xff) << 24; // red, the grey's value, becomes alpha
  mask.putImageData(data, 0, 0);
  return mask.canvas;
}

export function sheet(width, height, options) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  return canvas.getContext("2d", options);
}

// The layers of a photo: "cover" is the alpha as what lets colours through. Each knows its size, and makes a part of itself: "fit" or "LEVEL/X/Y".

// Whether there is such a layer: an original may have been moved away.
export const has = (pictures, layer) => layer !== "original" || Boolean(pictures.original);

export function sizeOf(pictures, layer) {
  return layer === "original" ? pictures.original : layer === "alpha" || layer === "cover" ? pictures.alpha : pictures.colour;
}

export function keyOf(pictures, layer, part) {
  const url = sizeOf(pictures, layer).url;
  return `${layer} ${url}${part}`;
}

export function part(pictures, layer, name, rank) {
  const make = {
    original: () => bitmap(pictures.original.url + name),
    alpha: () => bitmap(pictures.alpha.url + name),
    cover: async () => {
      const alpha = await bitmap(pictures.alpha.url + name);
      const made = cover(alpha);
      alpha.close();
      return made;
    },
    result: async () => {
      const [colour, alpha] = await Promise.all([bitmap(pictures.colour.url + name), bitmap(pictures.alpha.url + name)]);
      const whole = masked(colour, alpha);
      colour.close();
      alpha.close();
      return whole;
    },
  }[layer];
  return pixels.want(keyOf(pictures, layer, name), rank, make);
}

export const ready = (pictures, layer, name) => pixels.get(keyOf(pictures, layer, name));

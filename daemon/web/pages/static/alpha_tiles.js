// An alpha at full resolution, in tiles: the daemon's, and those that were changed here.
import { bitmap, sheet } from "./pixels.js";

const AT_ONCE = 4; // tiles that are fetched together when the whole alpha is put together
const WAITS = [0.5, 1, 2, 4]; // seconds between tries

export class AlphaTiles {
  // picture: {url, width, height, tile} of the daemon's alpha.
  constructor(picture) {
    this.picture = picture;
    this.columns = Math.ceil(picture.width / picture.tile);
    this.rows = Math.ceil(picture.height / picture.tile);
    this.opened = new Map(); // by number: one byte a pixel
    this.opening = new Map();
  }

  // Where a tile lies, in pixels of the picture.
  boxOf(number) {
    const { width, height, tile } = this.picture;
    const x = (number % this.columns) * tile;
    const y = Math.floor(number / this.columns) * tile;
    return { x, y, width: Math.min(tile, width - x), height: Math.min(tile, height - y) };
  }

  // The numbers of the tiles that a box touches. It may reach beyond the picture.
  within({ x, y, width, height }) {
    const { tile } = this.picture;
    const clamp = (n, most) => Math.min(Math.max(Math.floor(n / tile), 0), most - 1);
    if (x >= this.picture.width || y >= this.picture.height || x + width <= 0 || y + height <= 0) return [];
    const found = [];
    for (let row = clamp(y, this.rows); row <= clamp(y + height - 1, this.rows); row += 1) {
      for (let column = clamp(x, this.columns); column <= clamp(x + width - 1, this.columns); column += 1) found.push(row * this.columns + column);
    }
    return found;
  }

  // A tile that may be changed, if it is there.
  get(number) {
    return this.opened.get(number);
  }

  // Puts other bytes in place of a tile that is there. It is not copied.
  set(number, bytes) {
    this.opened.set(number, bytes);
  }

  // Promises a tile that may be changed. Raises Refusal.
  open(number) {
    const there = this.opened.get(number);
    if (there) return Promise.resolve(there);
    let asked = this.opening.get(number);
    if (!asked) {
      asked = this.fetched(number).then((bytes) => {
        this.opened.set(number, bytes);
        return bytes;
      }).finally(() => this.opening.delete(number));
      this.opening.set(number, asked);
    }
    return asked;
  }

  async fetched(number) {
    const url = `${this.picture.url}0/${number % this.columns}/${Math.floor(number / this.columns)}`;
    for (let tries = 0; ; tries += 1) {
      try {
        return grey(await bitmap(url, { colorSpaceConversion: "none" }));
      } catch (refusal) {
        if (!refusal.passing || tries >= WAITS.length) throw refusal;
        await new Promise((resolve) => setTimeout(resolve, WAITS[tries] * 1000));
      }
    }
  }

  // The whole alpha, row of tiles by row of tiles, from the top. progress(share): 0..1. Raises Refusal.
  async *strips(progress) {
    const { width } = this.picture;
    for (let row = 0; row < this.rows; row += 1) {
      const numbers = Array.from({ length: this.columns }, (_, column) => row * this.columns + column);
      const strip = new Uint8Array(width * this.boxOf(numbers[0]).height);
      while (numbers.length) {
        await Promise.all(numbers.splice(0, AT_ONCE).map(async (number) => {
          const bytes = this.get(number) ?? (await this.fetched(number));
          const box = this.boxOf(number);
          for (let y = 0; y < box.height; y += 1) strip.set(bytes.subarray(y * box.width, (y + 1) * box.width), y * width + box.x);
        }));
      }
      yield strip;
      progress((row + 1) / this.rows);
    }
  }
}

function grey(picture) {
  const { width, height } = picture;
  const canvas = sheet(width, height, { willReadFrequently: true });
  canvas.drawImage(picture, 0, 0);
  picture.close();
  const words = new Uint32Array(canvas.getImageData(0, 0, width, height).data.buffer);
  const made = new Uint8Array(words.length);
  for (let n = 0; n < made.length; n += 1) made[n] = words[n]; // the lowest byte
  return made;
}

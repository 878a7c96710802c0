// The marks in the picture: where the reasons say that something is wrong.
import { middleNamedBy } from "./reasons.js";

const NINTH = 0.82 / 6; // half the side of a mark around a ninth of the picture
const AROUND = 5; // CSS pixels between a spot and its mark
const LEAST = 14; // half the side of the smallest mark, CSS pixels
const BADGE = 10; // radius of a number, CSS pixels

// Whether a result shows the whole photo, at whatever size. Nobody has kept which part a trimmed one shows.
function showsAll(pictures) {
  if (!pictures?.original) return true;
  const { original, alpha } = pictures;
  const slant = Math.abs(original.width * alpha.height - original.height * alpha.width);
  return slant <= Math.max(original.width, original.height); // a pixel less or more by rounding
}

// The spots of a reason, the largest first. A report of an earlier version has none, but the reason may name a ninth.
function spotsOf(job, n) {
  if (!showsAll(job.pictures)) return [];
  const spots = job.spots?.[n] ?? [];
  const middle = spots.length ? null : middleNamedBy(job.findings[n]);
  if (!middle) return spots;
  const { x, y } = middle;
  return [{ left: x - NINTH, top: y - NINTH, right: x + NINTH, bottom: y + NINTH, x, y }];
}

// The number of each reason that has a place, by its place in the list; the worst is 1.
export function numbersOf(job) {
  const placed = [...(job?.findings ?? []).keys()].filter((n) => spotsOf(job, n).length);
  return new Map(placed.map((n, number) => [n, number + 1]));
}

// The marks of a photo, the worst first: a box and the worst point in it (x, y), as shares of the picture, and the numbers
// of the reasons that are about it.
export function marksOf(job) {
  const marks = new Map();
  for (const [n, number] of numbersOf(job)) {
    for (const spot of spotsOf(job, n)) {
      const key = [spot.left, spot.top, spot.right, spot.bottom].join();
      if (!marks.has(key)) marks.set(key, { ...spot, numbers: [] });
      marks.get(key).numbers.push(number);
    }
  }
  return [...marks.values()];
}

// Paints corners around the marks, with their numbers. box: where the picture lies. ratio: device pixels for one of CSS.
export function paintMarks(context, box, marks, ratio) {
  const badges = [];
  for (const mark of [...marks].reverse()) { // the worst lies on top
    const side = (from, to, start, whole) => {
      const middle = start + ((from + to) / 2) * whole;
      const half = Math.max(((to - from) / 2) * whole + AROUND * ratio, LEAST * ratio);
      return [middle - half, middle + half];
    };
    const [left, right] = side(mark.left, mark.right, box.x, box.width);
    const [top, bottom] = side(mark.top, mark.bottom, box.y, box.height);
    const colour = mark.numbers.includes(1) ? "#ffd23e" : "#ffffff";
    paintCorners(context, ratio, left, top, right, bottom, colour);
    const { width, height } = context.canvas;
    for (const number of mark.numbers) badges.push({ number, x: seen(left, width, ratio), y: seen(top, height, ratio), colour });
  }
  const taken = [];
  for (const { number, x, y, colour } of badges.reverse()) {
    let at = x;
    while (taken.some((other) => Math.hypot(other.x - at, other.y - y) < 2 * BADGE * ratio)) at += 2.2 * BADGE * ratio;
    taken.push({ x: at, y });
    paintNumber(context, ratio, String(number), at, y, colour);
  }
}

// A place near an edge of the canvas, moved so far inside that a number there is seen whole.
function seen(place, size, ratio) {
  const least = (BADGE + 2) * ratio;
  if (place > -2 * least && place < least) return least;
  return place > size - least && place < size + 2 * least ? size - least : place;
}

function paintCorners(context, ratio, left, top, right, bottom, colour) {
  const length = Math.min(0.25 * Math.min(right - left, bottom - top), 40 * ratio);
  for (const [stroke, width] of [["rgb(0 0 0 / 0.5)", 4], [colour, 2]]) {
    context.strokeStyle = stroke;
    context.lineWidth = width * ratio;
    context.lineCap = "round";
    context.beginPath();
    for (const [x, dx] of [[left, length], [right, -length]]) {
      for (const [y, dy] of [[top, length], [bottom, -length]]) {
        context.moveTo(x + dx, y);
        context.lineTo(x, y);
        context.lineTo(x, y + dy);
      }
    }
    context.stroke();
  }
}

function paintNumber(context, ratio, text, x, y, colour) {
  context.fillStyle = colour;
  context.strokeStyle = "rgb(0 0 0 / 0.5)";
  context.lineWidth = ratio;
  context.beginPath();
  context.arc(x, y, BADGE * ratio, 0, 2 * Math.PI);
  context.fill();
  context.stroke();
  context.fillStyle = "#16181a";
  context.font = `700 ${12 * ratio}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(text, x, y + ratio * 0.5);
}

// The film strip: a window of small pictures around the current one.
import { element, fill } from "./dom.js";
import { part, ready, sheet } from "./pixels.js";
import { _, gradeName, shortName } from "./texts.js";

const AROUND = 14;
const RANK = 30;
const WIDE = 168; // device pixels of a small picture
const HIGH = 126;

const small = new Map(); // url of the colours: canvas

export class Strip {
  constructor(parent, chosen) {
    this.parent = parent;
    this.chosen = chosen;
  }

  draw(queue) {
    const from = Math.max(0, queue.at - AROUND);
    const shown = queue.entries.slice(from, queue.at + AROUND + 1);
    const focused = this.parent.contains(document.activeElement);
    fill(this.parent, ...shown.map((entry, n) => this.one(entry, from + n, queue)));
    const current = this.parent.querySelector("[aria-current]");
    if (!current) return;
    this.parent.scrollLeft = current.offsetLeft - (this.parent.clientWidth - current.clientWidth) / 2;
    if (focused) current.focus({ preventScroll: true });
  }

  one(entry, number, queue) {
    const { job, mark } = entry;
    const state = entry.trouble ? _("not done") : mark ? gradeName(mark.what) : _("not decided");
    const button = element("button", {
      type: "button", className: "frame", title: shortName(job), tabIndex: number === queue.at ? 0 : -1,
      "aria-label": `${shortName(job)}, ${state}`, "aria-current": number === queue.at ? "true" : undefined,
      onclick: () => this.chosen(number),
    }, thumbnail(job));
    if (mark) button.dataset.mark = mark.what;
    if (job.page_count > 1) button.dataset.pages = job.page_count;
    if (entry.trouble) button.dataset.trouble = "yes";
    return button;
  }
}

// A small picture of a result, which paints itself once it is there.
export function thumbnail(job, rank = RANK) {
  const canvas = sheet(WIDE, HIGH).canvas;
  const paint = (picture) => {
    const context = canvas.getContext("2d");
    const scale = Math.min(WIDE / picture.width, HIGH / picture.height);
    const [width, height] = [picture.width * scale, picture.height * scale];
    context.imageSmoothingQuality = "high";
    context.clearRect(0, 0, WIDE, HIGH);
    context.drawImage(picture, (WIDE - width) / 2, (HIGH - height) / 2, width, height);
  };
  if (!job.pictures) return canvas;
  const key = job.pictures.colour.url + job.pictures.alpha.url;
  const known = small.get(key) ?? ready(job.pictures, "result", "fit");
  const keep = (picture) => {
    paint(picture);
    if (small.size > 400) small.delete(small.keys().next().value);
    if (!small.has(key)) {
      const copy = sheet(WIDE, HIGH);
      copy.drawImage(canvas, 0, 0);
      small.set(key, copy.canvas);
    }
  };
  if (known) keep(known);
  else part(job.pictures, "result", "fit", rank).then(keep, () => {});
  return canvas;
}

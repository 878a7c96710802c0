// The pages of a photo: which one is looked at, and the buttons that switch between them.
import { ask, jobPath } from "./api.js";
import { byId, element, fill, tell } from "./base.js";
import { keyFor, keySign } from "./keys.js";
import { hasPages, ofPage } from "./page_of_photo.js";
import { _, gradeName } from "./texts.js";

const KNOWN = 200; // photos whose pages are remembered
const BELOW = 8; // CSS pixels between the buttons and a picture that fits

export class Pages {
  // viewer: a Viewer. turned(entry): another page is looked at. arrived(entry): more is known of its pages.
  constructor(viewer, { turned, arrived }) {
    this.viewer = viewer;
    this.turned = turned;
    this.arrived = arrived;
    this.looked = new Map(); // id: the page that is looked at; others show their worst one
    this.known = new Map(); // id: the photo with its pages
    this.asking = new Set();
    this.drawn = "";
  }

  // The photo of an entry as the page shows it that is looked at. As long as its pages are not known, the worst one.
  of(entry) {
    const { job } = entry;
    if (!hasPages(job)) return job;
    return ofPage({ ...job, pages: this.pagesOf(job) }, this.numberOf(job));
  }

  pagesOf = (job) => job.pages ?? this.known.get(job.id)?.pages;
  numberOf = (job) => Math.min(this.looked.get(job.id) ?? job.page, job.page_count);

  // The page after the one that is looked at, which is likely wanted next; null if there is none, or it is not known.
  after(entry) {
    const { job } = entry;
    const next = hasPages(job) ? ofPage({ ...job, pages: this.pagesOf(job) }, this.numberOf(job) + 1) : job;
    return next.page === job.page ? null : next;
  }

  // A list tells no pages, so they are asked for when somebody looks at the photo.
  async learn(entry) {
    const { job } = entry;
    const known = this.known.get(job.id)?.version === job.version;
    if (!hasPages(job) || job.pages || known || this.asking.has(job.id)) return;
    this.asking.add(job.id);
    try {
      this.known.set(job.id, await ask(jobPath(job.id)));
      if (this.known.size > KNOWN) this.known.delete(this.known.keys().next().value);
      this.arrived(entry);
    } catch {
      // It is asked for again when the photo is drawn again.
    } finally {
      this.asking.delete(job.id);
    }
  }

  // Looks at the page so many after this one. Returns false if there is none.
  turn(entry, step) {
    return hasPages(entry?.job) && this.go(entry, this.numberOf(entry.job) + step);
  }

  go(entry, number) {
    const { job } = entry;
    const page = this.pagesOf(job)?.find((each) => each.page === number);
    if (page) {
      this.looked.set(job.id, number);
      tell(label(job, page, number));
      this.turned(entry);
    } else this.learn(entry);
    return true; // the key means pages, also where there is no further one
  }

  // The buttons over the picture, and the line about pages. entry: null = none is shown.
  draw(entry) {
    const job = hasPages(entry?.job) ? entry.job : null;
    const bar = byId("pages");
    bar.hidden = byId("of-pages").hidden = !job;
    if (job) {
      this.learn(entry);
      byId("of-pages").textContent = line(job, this.numberOf(job));
      this.drawButtons(bar, entry);
    }
    const above = job ? bar.offsetTop + bar.offsetHeight + BELOW : 0;
    if (this.viewer.above === above) return;
    this.viewer.above = above;
    this.viewer.redraw();
  }

  drawButtons(bar, entry) {
    const { job } = entry;
    const number = this.numberOf(job);
    const pages = Array.from({ length: job.page_count }, (__, n) => this.pagesOf(job)?.find((each) => each.page === n + 1));
    const drawn = JSON.stringify([job.id, number, pages.map((each) => each?.grade), keyFor("previous-page"), keyFor("next-page")]);
    if (drawn === this.drawn) return; // so that the focus stays, and what is scrolled
    this.drawn = drawn;
    const focused = bar.contains(document.activeElement) && document.activeElement.dataset.go;
    const step = (by, text, act, words) => element("button", {
      type: "button", "data-go": act, "aria-label": words, title: words, disabled: number + by < 1 || number + by > job.page_count,
      onclick: () => this.turn(entry, by),
    }, element("span", { textContent: text, "aria-hidden": "true" }), " ", keySign(act));
    const button = (page, n) => element("button", {
      type: "button", className: "page", textContent: String(n), "data-go": String(n), "data-grade": page?.grade ?? "",
      "aria-label": label(job, page, n), title: label(job, page, n), "aria-current": n === number ? "true" : undefined,
      onclick: () => this.go(entry, n),
    });
    fill(bar, step(-1, "‹", "previous-page", _("Page before")),
      element("div", { className: "page-list" }, ...pages.map((page, n) => button(page, n + 1))),
      step(1, "›", "next-page", _("Next page")));
    const current = bar.querySelector("[aria-current]");
    current.parentElement.scrollLeft = current.offsetLeft - (current.parentElement.clientWidth - current.clientWidth) / 2;
    if (focused) (bar.querySelector(`[data-go="${focused}"]:not(:disabled)`) ?? current).focus({ preventScroll: true });
  }
}

const label = (job, page, n) => (page?.grade
  ? _("Page %(n)s of %(of)s, %(grade)s", { n, of: job.page_count, grade: gradeName(page.grade) })
  : _("Page %(n)s of %(of)s", { n, of: job.page_count }));

// What the page that is looked at means for the file, which has one grade.
function line(job, n) {
  const of = job.page_count;
  if (job.decided) return _("Page %(n)s of %(of)s. The verdict counts for all of them.", { n, of });
  if (n === job.page) return _("Page %(n)s of %(of)s: the worst, by which the file is graded.", { n, of });
  return _("Page %(n)s of %(of)s. The file is graded by page %(worst)s: %(grade)s.", { n, of, worst: job.page, grade: gradeName(job.grade) });
}

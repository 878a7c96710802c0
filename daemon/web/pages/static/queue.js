// The photos of one review, in a fixed order: it grows at its end, and never shrinks under the reviewer.
import { ask, jobPath } from "./api.js";

const PAGE = 50;
const MOST = 2000;

// An entry: {job, mark: null | {what, who}, trouble: "" | text}. what: a grade, "retry", "failed" or "gone".
export class Queue {
  constructor(wanted, changed) {
    this.wanted = wanted; // {sort, order, grade, all: also what is decided, job: the id of the one to begin with}
    this.changed = changed;
    this.entries = [];
    this.byId = new Map();
    this.at = 0;
    this.whole = false; // all that was there at the start is loaded
  }

  get current() {
    return this.entries[this.at];
  }

  get decided() {
    return this.entries.filter((entry) => entry.mark).length;
  }

  // Loads the first page, then the others in the background. Raises Refusal for the first one.
  async load() {
    const cursor = await this.page(null);
    const { job } = this.wanted;
    if (job && !this.byId.has(job)) this.add(await ask(jobPath(job)));
    this.rest(cursor);
  }

  async rest(cursor) {
    let next = cursor;
    while (next && this.entries.length < MOST) {
      try {
        next = await this.page(next);
      } catch (refusal) {
        if (!refusal.passing) break;
        await new Promise((resolve) => setTimeout(resolve, 3000));
      }
    }
    this.whole = !next;
    this.changed();
  }

  async page(cursor) {
    const query = new URLSearchParams({ state: "done", sort: this.wanted.sort, limit: PAGE });
    if (!this.wanted.all) query.set("decided", "no");
    for (const name of ["order", "grade"]) if (this.wanted[name] !== null) query.set(name, this.wanted[name]);
    if (cursor) query.set("cursor", cursor);
    const { jobs, next } = await ask(`/api/v1/jobs?${query}`);
    for (const job of jobs) this.add(job);
    this.changed();
    return next;
  }

  // Adds a photo at the end, if it is not there. Returns its entry.
  add(job) {
    const known = this.byId.get(job.id);
    if (known) return known;
    const entry = { job, mark: job.decided ? { what: job.decided.grade, who: job.decided.who } : null, trouble: "" };
    this.entries.push(entry);
    this.byId.set(job.id, entry);
    return entry;
  }

  fits(job) {
    const { order, grade, all } = this.wanted;
    return (all || !job.decided) && job.pictures && (order === null || job.order === order) && (grade === null || job.grade === grade);
  }

  // Where a decision goes on to: who looks at all results goes through them one by one.
  get next() {
    return this.wanted.all ? this.at + 1 : this.undecidedAfter(this.at);
  }

  // The next one after `from` that nobody decided; the number of entries if there is none.
  undecidedAfter(from) {
    const next = this.entries.findIndex((entry, n) => n > from && !entry.mark);
    return next < 0 ? this.entries.length : next;
  }

  // Asks for a photo's row again. Raises Refusal.
  async refresh(entry) {
    entry.job = await ask(jobPath(entry.job.id));
    return entry;
  }
}

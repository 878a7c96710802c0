// What a person did in this review, step by step; each step can be undone and done again.
import { ask, jobPath } from "./api.js";
import { me, message } from "./base.js";
import { markName } from "./facts.js";
import { Outbox } from "./outbox.js";
import { _, gradeName, shortName } from "./texts.js";

const KEPT = "steps"; // in this tab, so that a reload loses no undo
const MOST = 500;
const TOUCH_UP = "touch-up"; // the recipe of an attempt that a person painted

// A step: {id, name, before, after, deed}. before, after: marks. deed: the number that an undo names; null = not known yet.
export class Steps {
  // changed(): draw anew. go(entry): show it. renewed(entry): its pictures may be others now.
  constructor(queue, { changed, go, renewed }) {
    this.queue = queue;
    this.changed = changed;
    this.go = go;
    this.renewed = renewed;
    this.outbox = new Outbox();
    this.waiting = new Map(); // entries with something under way: how much
    this.undone = [];
    this.done = recalled();
  }

  get canUndo() {
    return this.done.length > 0;
  }

  // Whether a decision about an entry is under way, so that what the daemon says about it may be old.
  busy(entry) {
    return this.waiting.has(entry);
  }

  // Does something to a photo: at once here, and soon in the daemon.
  take(entry, what, path, body) {
    const step = { id: entry.job.id, name: entry.job.name, before: entry.mark, after: { what, who: "" }, deed: null };
    step.seen = JSON.stringify(entry.job.decided);
    step.send = () => this.send(entry, step, () => jobPath(entry.job.id, path), () => body, () => ({ "If-Match": `"${entry.job.version}"` }));
    this.done.push(step);
    this.undone = [];
    entry.mark = step.after;
    entry.trouble = "";
    step.send();
  }

  // Notes what was done to a photo already, so that it can be undone. what: "" = it stays as decided as it was.
  // answer: the daemon's, with the deed.
  did(entry, what, answer) {
    const after = what ? { what, who: "" } : entry.mark;
    this.done.push({ id: entry.job.id, name: entry.job.name, before: entry.mark, after, deed: answer.deed });
    this.undone = [];
    entry.mark = after;
    entry.trouble = "";
    entry.job = answer.job;
    this.keep();
  }

  // Who touched a result up has seen it, so its grade is that person's once it is there. That is a step of its own.
  async gradeTouched(entry) {
    const { job, mark } = entry;
    const touched = job.tries?.find((each) => each.best)?.recipe === TOUCH_UP;
    if (!touched || job.state !== "done" || job.decided || mark.graded === job.round) return;
    mark.graded = job.round;
    try {
      const answer = await ask(jobPath(job.id, "/verdict"), { method: "POST", body: { grade: job.grade }, headers: { "If-Match": `"${job.version}"` } });
      const after = { what: job.grade, who: "", touched: true };
      const before = this.done.findIndex((each) => each.after === mark);
      this.done.splice(before < 0 ? this.done.length : before + 1, 0, { id: job.id, name: job.name, before: null, after, deed: answer.deed });
      entry.job = answer.job;
      if (entry.mark === mark) entry.mark = after;
      this.keep();
    } catch {
      if (entry.mark === mark) entry.mark = null; // then it is still to be decided
    }
    this.changed();
  }

  // Takes the last step back. Returns its entry, undefined if there is none.
  undo() {
    return this.turn(this.done, this.undone, (step) => step.before);
  }

  redo() {
    return this.turn(this.undone, this.done, (step) => step.after);
  }

  turn(from, to, markAfter) {
    const step = from.pop();
    if (!step) return undefined;
    const entry = this.queue.byId.get(step.id) ?? this.unknown(step);
    to.push(step);
    const former = entry.mark;
    entry.mark = markAfter(step);
    entry.trouble = "";
    if (step.item && this.outbox.remove(step.item)) {
      this.less(entry);
      step.item = null;
    } else if (step.item === null && step.deed === null) step.send();
    else this.sendUndo(entry, step, former);
    this.go(entry);
    return entry;
  }

  // A step from before a reload is about a photo that is not in this queue; its row is asked for.
  unknown(step) {
    const entry = this.queue.add({ id: step.id, name: step.name, order: "", grade: null, score: null, findings: [], decided: null, pictures: null });
    this.queue.refresh(entry).then(() => this.renewed(entry), () => {});
    return entry;
  }

  send(entry, step, path, body, headers, former = step.before) {
    this.waiting.set(entry, (this.waiting.get(entry) ?? 0) + 1);
    step.item = {
      path, body, headers,
      done: (answer) => {
        step.deed = answer.deed;
        this.arrivedAnswer(entry, answer.job);
      },
      failed: (refusal, repeated) => this.failed(entry, step, refusal, repeated, former),
    };
    this.outbox.push(step.item);
  }

  // Undoes a step, or an undo; the answer's deed undoes that again.
  sendUndo(entry, step, former) {
    const path = () => (step.deed === null ? null : `/api/v1/deeds/${step.deed}/undo`);
    this.send(entry, step, path, () => ({}), undefined, former);
    const { item } = step;
    item.path = () => {
      const found = path();
      if (found === null) this.less(entry); // the step itself failed, so there is nothing to undo
      return found;
    };
  }

  arrivedAnswer(entry, job) {
    this.less(entry);
    const before = entry.job.pictures?.colour.url;
    if (job) entry.job = job;
    this.keep();
    if (job && before !== job.pictures?.colour.url) this.renewed(entry);
    else this.changed();
  }

  less(entry) {
    const left = (this.waiting.get(entry) ?? 1) - 1;
    if (left > 0) this.waiting.set(entry, left);
    else this.waiting.delete(entry);
  }

  // A refusal comes back to the photo, wherever the reviewer is by now. The place is never lost.
  async failed(entry, step, refusal, repeated, former) {
    this.less(entry);
    const wanted = entry.mark;
    if (refusal.problem.job) entry.job = refusal.problem.job;
    else if ([404, 410].includes(refusal.status)) entry.mark = { what: "gone", who: "" };
    else await this.queue.refresh(entry).catch(() => {});
    const { decided } = entry.job;
    if (refusal.status === 412 && !step.again && step.deed === null && JSON.stringify(decided) === step.seen && entry.job.pictures) {
      step.again = true; // nobody decided: the files had only moved on
      step.send();
      return;
    }
    if (refusal.status === 412 && repeated && decided?.who === me && decided.grade === wanted?.what) {
      this.changed(); // our own request had arrived, only its answer had not
      return;
    }
    this.done = this.done.filter((each) => each !== step);
    this.undone = this.undone.filter((each) => each !== step);
    if (refusal.status === 412 && decided) entry.mark = { what: decided.grade, who: decided.who || _("Somebody") };
    else if (entry.mark === wanted && ![404, 410].includes(refusal.status)) entry.mark = former;
    entry.trouble = refusal.status === 412 && decided
      ? _("%(who)s was first: %(grade)s. Yours, %(mine)s, did not count.", { who: decided.who || _("Somebody"), grade: gradeName(decided.grade), mine: markName(wanted?.what) })
      : refusal.message;
    this.keep();
    message(`${shortName(entry.job)}: ${entry.trouble}`, { bad: true, act: { label: _("Show it"), run: () => this.go(entry) } });
    this.renewed(entry);
  }

  // A result that became ready while somebody reviews stands at the end of the queue.
  async arrived(id) {
    const job = await ask(jobPath(id));
    if (!this.queue.fits(job)) return;
    this.queue.add(job);
    this.changed();
  }

  keep() {
    const plain = this.done.filter((step) => step.deed !== null).slice(-MOST);
    try {
      sessionStorage.setItem(KEPT, JSON.stringify(plain.map(({ id, name, before, after, deed }) => ({ id, name, before, after, deed }))));
    } catch {
      // Then a reload forgets them.
    }
  }
}

function recalled() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT)) ?? [];
  } catch {
    return [];
  }
}

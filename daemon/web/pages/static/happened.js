// What happened last: also before the page was opened, and while it did not listen.
import { ask, jobPath } from "./api.js";
import { byId, element, fill } from "./base.js";
import { _, clock, day, gradeName } from "./texts.js";

const LINES = 40;
const ASKED = 200; // events; a photo has about five, of which three are shown
const TODAY_SECONDS = 12 * 3600; // older lines show their day, too

const WORDS = {
  admitted: () => _("came in"), started: () => _("is in work"), done: ({ grade }) => _("is done: %(grade)s", { grade: gradeName(grade) }),
  failed: () => _("has failed"), verdict: ({ grade }) => _("somebody decided: %(grade)s", { grade: gradeName(grade) }),
  moved: ({ state }) => (state === "failed" ? _("lies in failed/ now") : _("was moved")),
  removed: () => _("was removed"), deed: () => _("somebody did something"),
};

const CAUSES = ["failed", "verdict", "moved"];
const CONSEQUENCES = ["moved", "deed"]; // a moment after a cause they say nothing new
const AT_ONCE_SECONDS = 5;

const happened = new Map(); // versions (numbers that grow): events, each with the name of its photo
const names = new Map(); // job ids: promises of what their photos are called

export async function loadHappened() {
  for (const event of (await ask(`/api/v1/events/latest?limit=${ASKED}`)).events) keep(event.kind, event);
  drawHappened();
}

export async function addHappened(kind, data) {
  keep(kind, { ...data, name: data.job ? await nameOf(data.job) : null });
  drawHappened();
}

function keep(kind, event) {
  if (!(kind in WORDS)) return;
  const known = happened.get(Number(event.version));
  happened.set(Number(event.version), { ...event, kind, name: event.name ?? known?.name });
  if (event.name) names.set(event.job, Promise.resolve(event.name));
}

function drawHappened() {
  const newest = [...happened.keys()].sort((a, b) => b - a);
  for (const number of newest.splice(ASKED)) happened.delete(number);
  const lines = newest.filter(isNews).slice(0, LINES).map((number) => {
    const event = happened.get(number);
    const time = event.at < Date.now() / 1000 - TODAY_SECONDS ? day(event.at) : clock(event.at);
    return element("li", {}, element("time", { textContent: time }),
      element("span", { textContent: `${subject(event)} ${WORDS[event.kind](event)}` }),
      event.kind === "failed" ? element("a", { href: `/orders?failed=${encodeURIComponent(event.order ?? "")}`, textContent: _("Why?") }) : null);
  });
  fill(byId("happened"), ...lines);
  byId("happened-none").hidden = lines.length > 0;
}

function isNews(number, n, newest) {
  const event = happened.get(number);
  const isCause = (older) => older.job === event.job && CAUSES.includes(older.kind) && event.at - older.at < AT_ONCE_SECONDS;
  return !event.job || !CONSEQUENCES.includes(event.kind) || !newest.slice(n + 1, n + 20).some((older) => isCause(happened.get(older)));
}

function subject({ job, name, order }) {
  if (name) return name.slice(name.lastIndexOf("/") + 1);
  if (job) return order ? _("A photo of order %(order)s", { order }) : _("A photo");
  return order ? _("Order %(order)s:", { order }) : _("Without an order:");
}

function nameOf(job) {
  if (!names.has(job)) names.set(job, ask(jobPath(job)).then((found) => found.name, () => null));
  return names.get(job);
}

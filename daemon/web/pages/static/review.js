// The review: one big picture, one key for each decision.
import { buildAhead, prefetch } from "./ahead.js";
import { showAttempts } from "./attempts.js";
import { byId, decides, element, fill, me, message, remembered, tell } from "./base.js";
import { drawCover } from "./cover.js";
import { drawFacts } from "./facts.js";
import { filterByGrade } from "./grade_filter.js";
import { keySign, listen, showKeys } from "./keys.js";
import { calmly, hear } from "./live.js";
import { pixels } from "./pixels.js";
import { hasPages, numberOnPage, pageName } from "./page_of_photo.js";
import { Pages } from "./pages.js";
import { Queue } from "./queue.js";
import { Steps } from "./steps.js";
import { Strip } from "./strip.js";
import { _, figure, gradeName, ngettext, shortName } from "./texts.js";
import { openTouchUp, touchActs, touchingUp } from "./touch_up.js";
import { drawViewButtons, listenToPointers, showPicture, viewActs, viewer, whenGone } from "./view.js";

const LOOKS = 500; // milliseconds: who looks at a photo for so long may zoom in
const GRADES = ["sehr_gut", "gut", "ungenügend"];
const SWIPES = { right: "sehr_gut", up: "gut", left: "ungenügend" };

const query = new URLSearchParams(location.search);
const filter = filterByGrade(query);
const wanted = { sort: query.get("sort") ?? remembered.get("sort", "worst"), order: query.get("order"), grade: filter.grade, all: query.has("all"), job: query.get("job") };
const queue = new Queue(wanted, calmly(drawRound, 0.05));
const strip = new Strip(byId("strip"), (number) => show(number));
const steps = new Steps(queue, { changed: drawRound, go: (entry) => show(queue.entries.indexOf(entry)), renewed });

const pages = new Pages(viewer, { turned, arrived: (entry) => { if (!ended && entry === queue.current) renewed(entry); } });
const seen = () => pages.of(queue.current); // the photo, as the page shows it that is looked at

let ended = false;
let loaded = false;
let looked = 0; // the timer of `buildAhead`

// ---- what is shown ----

function show(number) {
  if (touchingUp()) return;
  const { entries } = queue;
  ended = number >= entries.length;
  queue.at = Math.min(Math.max(number, 0), Math.max(0, entries.length - 1));
  byId("failing").hidden = true;
  byId("about").scrollTop = 0;
  pixels.drop((entry) => entry.rank > 0);
  showPicture(ended ? null : seen());
  if (!ended) prefetch(queue, pages);
  clearTimeout(looked);
  looked = setTimeout(() => { if (!ended) buildAhead(queue, pages); }, LOOKS);
  drawRound();
}

function turned() {
  showPicture(seen());
  prefetch(queue, pages);
  drawRound();
}

// All around the picture.
function drawRound() {
  const { entries, decided, whole } = queue;
  const sum = whole ? figure(entries.length) : `${figure(entries.length)}+`;
  byId("position").textContent = entries.length ? `${ended ? sum : figure(queue.at + 1)} / ${sum}` : "";
  byId("progress").max = Math.max(1, entries.length);
  byId("progress").value = decided;
  byId("progress").title = ngettext("One decided", "%(num)s decided", decided);
  const entry = ended || !queue.current ? null : queue.current;
  const job = entry && seen();
  drawFacts(entry && { ...entry, job });
  pages.draw(entry);
  document.querySelectorAll("#verdicts button, #deeds button[data-act]").forEach((button) => {
    button.disabled = button.dataset.act === "undo" ? !steps.canUndo : !decides || !entry;
    if (button.dataset.grade) button.setAttribute("aria-pressed", String(entry?.mark?.what === button.dataset.grade));
  });
  strip.draw(queue);
  byId("picture").setAttribute("aria-label", entry ? _("%(name)s, graded %(grade)s", { name: pageName(job), grade: gradeName(job.grade) }) : _("No photo"));
  drawCover(entry && { ...entry, job }, { queue, isOver: loaded && (ended || !entries.length), filter, order: wanted.order, undo: steps.canUndo ? undo : null, show });
}

function renewed(entry) {
  if (!ended && entry === queue.current && !touchingUp()) showPicture(seen(), true);
  drawRound();
}

// ---- what people do ----

// Whether this person may decide. Who may not is told so: a key that does nothing looks broken.
function mayDecide() {
  if (!decides) message(_("Your role lets you look, and not decide."));
  return decides && !ended && Boolean(queue.current);
}

function decide(what, path, body, words) {
  if (!mayDecide()) return;
  const entry = queue.current;
  steps.take(entry, what, path, body);
  tell(`${shortName(entry.job)}: ${words}`);
  if (byId("advance").checked) show(queue.next);
  else drawRound();
}

const grade = (name) => decide(name, "/verdict", { grade: name }, gradeName(name));
const retry = () => decide("retry", "/retry", {}, _("is tried again"));

function askForWord() {
  if (!mayDecide()) return;
  byId("failing").hidden = false;
  byId("word").value = "";
  byId("word").focus();
}

function undo() {
  const entry = steps.undo();
  if (entry) tell(_("Undone: %(name)s", { name: shortName(entry.job) }));
}

function redo() {
  const entry = steps.redo();
  if (entry) tell(_("Done again: %(name)s", { name: shortName(entry.job) }));
}

async function attempts() {
  if (ended || !queue.current) return;
  const entry = queue.current;
  try {
    await showAttempts(seen(), viewer.ground, (number) => {
      if (!decides) return;
      steps.take(entry, "attempt", "/attempt", { number });
      message(_("Attempt %(n)s is taken. The result is made anew.", { n: numberOnPage(number) }));
    });
  } catch (refusal) {
    message(refusal.message, { bad: true });
  }
}

function touchUp() {
  if (touchingUp() || !mayDecide()) return;
  const entry = queue.current;
  const several = hasPages(entry.job); // then it is not decided by that: the other pages are to be looked at
  openTouchUp(seen(), (answer) => {
    if (answer) steps.did(entry, several ? "" : "touched-up", answer);
    if (answer && !several && byId("advance").checked) show(queue.next);
    else renewed(entry);
    look(entry).catch(() => {}); // it may have been made anew already
  });
}

const acts = {
  sehr_gut: () => grade("sehr_gut"),
  gut: () => grade("gut"),
  ungenügend: () => grade("ungenügend"),
  retry,
  fail: askForWord,
  undo,
  redo,
  next: () => show(ended ? queue.entries.length : queue.at + 1),
  previous: () => show(ended ? queue.entries.length - 1 : queue.at - 1),
  "next-page": () => pages.turn(ended ? null : queue.current, 1),
  "previous-page": () => pages.turn(ended ? null : queue.current, -1),
  first: () => show(queue.undecidedAfter(-1)),
  filter: filter.next,
  attempts,
  "touch-up": touchUp,
  keys: () => showKeys(buttons),
  ...viewActs,
};
listen(() => (touchingUp() ? { mode: "touch-up", acts: { ...touchActs, keys: acts.keys } } : { mode: "", acts }));
listenToPointers((direction) => grade(SWIPES[direction]));
whenGone(() => {
  if (!ended && queue.current) look(queue.current).catch(() => {});
});

// ---- buttons and settings ----

function buttons() {
  const SIGNS = { sehr_gut: "→", gut: "↑", ungenügend: "←" };
  fill(
    byId("verdicts"),
    ...GRADES.map((name) =>
      element("button", { type: "button", className: "verdict", "data-grade": name, "data-act": name, onclick: () => grade(name) },
        element("span", { className: "swipe-sign", textContent: SIGNS[name], "aria-hidden": "true" }),
        element("span", { textContent: gradeName(name) }), keySign(name))),
  );
  const others = [
    ["retry", _("Try again"), retry], ["fail", _("To failed …"), askForWord],
    ["undo", _("Undo"), undo], ["attempts", _("Attempts"), attempts],
    ["touch-up", _("Touch up"), touchUp],
  ];
  fill(byId("deeds"), ...others.map(([act, label, run]) =>
    element("button", { type: "button", "data-act": act, onclick: run }, element("span", { textContent: label }), " ", keySign(act))));
  drawViewButtons();
  drawRound();
}

byId("show-keys").addEventListener("click", () => { byId("settings").open = false; showKeys(buttons); });
byId("failing").addEventListener("submit", (event) => {
  event.preventDefault();
  const word = byId("word").value.trim();
  if (!word) return;
  byId("main").focus();
  byId("failing").hidden = true;
  decide("failed", "/fail", { word }, _("to failed"));
});
function notFailing() {
  byId("failing").hidden = true;
  byId("main").focus();
}
byId("not-failing").addEventListener("click", notFailing);
byId("failing").addEventListener("keydown", (event) => { if (event.key === "Escape") notFailing(); });
byId("advance").checked = remembered.get("advance", true);
byId("advance").addEventListener("change", (event) => remembered.set("advance", event.target.checked));
byId("sort").value = wanted.sort;
byId("sort").addEventListener("change", (event) => {
  remembered.set("sort", event.target.value);
  query.set("sort", event.target.value);
  location.search = String(query);
});

// ---- the daemon ----

async function load() {
  try {
    await queue.load();
  } catch (refusal) {
    message(refusal.message, { bad: true, act: { label: _("Try again"), run: load } });
    return;
  }
  loaded = true;
  const begins = queue.byId.get(wanted.job) ?? queue.entries.find((entry) => entry.job.pictures); // the files of the first ones may be gone
  show(Math.max(0, queue.entries.indexOf(begins)));
}

async function heard(kind, { job, version }) {
  const entry = queue.byId.get(job);
  if (entry && Number(version) <= Number(entry.job.version)) return; // e.g. what this page did itself
  if (!loaded || (!entry && kind !== "done") || (entry && steps.busy(entry))) return;
  try {
    if (entry) await look(entry, kind);
    else await steps.arrived(job);
  } catch {
    // It is asked for again when somebody acts on it.
  }
  if (!viewer.pictures && queue.entries.length && !ended) show(queue.at);
}

async function look(entry, kind = "") {
  const [before, sight] = [entry.job, pages.of(entry).pictures?.colour.url];
  await queue.refresh(entry);
  const { job } = entry;
  const known = entry.mark?.what;
  const touched = known === "touched-up" && (!job.decided || job.decided.who === me);
  if (touched) steps.gradeTouched(entry);
  if (job.version === before.version) return;
  if (!touched && job.decided && known !== job.decided.grade) {
    entry.mark = { what: job.decided.grade, who: job.decided.who || _("Somebody") };
    if (entry === queue.current && !ended) tell(_("%(who)s decided: %(what)s", { who: entry.mark.who, what: gradeName(job.decided.grade) }));
  } else if (!touched && !job.decided && (GRADES.includes(known) || (kind === "done" && known))) entry.mark = null; // undone, or a new result
  if (pages.of(entry).pictures?.colour.url !== sight) renewed(entry);
  else drawRound();
}

buttons();
load();
hear(heard, () => { for (const entry of queue.entries.slice(queue.at, queue.at + 10)) if (!steps.busy(entry)) look(entry).catch(() => {}); });


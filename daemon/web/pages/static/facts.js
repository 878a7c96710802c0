// What is known about the photo that is shown, beside it.
import { byId, element, fill } from "./dom.js";
import { numbersOf } from "./marks.js";
import { inWords } from "./reasons.js";
import { correctionOf, promisesOf } from "./promises.js";
import { _, day, gradeName, shortName } from "./texts.js";

// entry: of the queue; null = there is none to show.
export function drawFacts(entry) {
  const job = entry?.job;
  byId("name").textContent = job ? shortName(job) : "";
  byId("name").title = job?.name ?? "";
  byId("where").textContent = job ? (job.order ? _("Order %(order)s", { order: job.order }) : _("no order")) : "";
  const grade = byId("grade");
  grade.hidden = !job?.grade;
  grade.textContent = gradeName(job?.grade);
  grade.dataset.grade = job?.grade ?? "";
  drawPromises(job);
  drawDecided(entry);
  const marks = numbersOf(job);
  fill(
    byId("reasons"),
    ...(job?.findings ?? []).map((reason, n) =>
      element("li", {}, marks.has(n) ? element("span", { className: "mark-number", textContent: String(marks.get(n)), "data-worst": marks.get(n) === 1 ? "yes" : undefined }) : null,
        element("span", { textContent: inWords(reason) }))),
  );
}

// Both promises, which of them made the grade, and what people's verdicts did to the score.
function drawPromises(job) {
  const promises = promisesOf(job).map(({ text, made, how }) => element("span", { className: "promise", "data-made": made ? "yes" : undefined, title: how }, made ? _("%(promise)s, decides", { promise: text }) : text));
  const correction = correctionOf(job);
  fill(byId("score"), ...promises, correction ? element("span", { className: "promise", id: "correction" }, correction) : null);
}

function drawDecided(entry) {
  const line = byId("decided");
  const mark = entry?.mark;
  const job = entry?.job;
  line.hidden = !mark && !entry?.trouble;
  line.dataset.mark = entry?.trouble ? "trouble" : (mark?.what ?? "");
  if (entry?.trouble) line.textContent = entry.trouble;
  else if (mark?.who) line.textContent = _("%(who)s decided: %(what)s", { who: mark.who, what: markName(mark.what) });
  else if (mark?.touched) line.textContent = _("Touched up, and decided: %(what)s", { what: markName(mark.what) });
  else if (mark) line.textContent = _("Decided: %(what)s", { what: markName(mark.what) });
  if (job?.decided?.at && !entry?.trouble) line.title = day(job.decided.at);
}

export const markName = (what) =>
  ({ retry: _("is tried again"), failed: _("to failed"), attempt: _("another attempt"), "touched-up": _("touched up"), gone: _("no longer there") })[what] ?? gradeName(what);

// Other attempts at the same photo, side by side; one of them can be taken instead.
import { ask, jobPath } from "./api.js";
import { byId, element, fill } from "./dom.js";
import { paintGround } from "./grounds.js";
import { bitmap, masked, pixels } from "./pixels.js";
import { inPlainWords } from "./problems.js";
import { inWords } from "./reasons.js";
import { _, figure, gradeName, shortName } from "./texts.js";

// Opens the attempts of a job. take(number): somebody chose one. Raises Refusal.
export async function showAttempts(job, ground, take) {
  const { tries } = await ask(jobPath(job.id));
  const dialog = byId("attempts");
  let chosen = Math.max(0, tries.findIndex((each) => each.best));
  const options = tries.map((each, n) => option(job, each, ground, () => choose(n), () => confirm(n)));
  const list = element("div", { className: "attempt-list", role: "listbox", tabIndex: 0, "aria-label": _("Attempts"), onkeydown: moved }, ...options);

  function choose(n) {
    chosen = Math.min(Math.max(n, 0), tries.length - 1);
    options.forEach((each, m) => each.setAttribute("aria-selected", String(m === chosen)));
    list.setAttribute("aria-activedescendant", options[chosen].id);
    options[chosen].scrollIntoView({ block: "nearest" });
  }

  function confirm(n) {
    if (!tries[n]?.picture) return;
    dialog.close();
    if (!tries[n].best) take(tries[n].number);
  }

  function moved(event) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step) choose(chosen + step);
    else if (event.key === "Enter") confirm(chosen);
    else if (event.key === "a") dialog.close();
    else return;
    event.preventDefault();
  }

  fill(
    dialog,
    element("div", { className: "dialog-head" },
      element("h2", { id: "attempts-title", textContent: _("Attempts at %(name)s", { name: shortName(job) }) }),
      element("button", { type: "button", textContent: _("Close"), onclick: () => dialog.close() })),
    tries.length ? list : element("p", { className: "soft", textContent: _("There is no other attempt.") }),
    element("p", { className: "row" },
      tries.length > 1 ? element("button", { type: "button", className: "primary", textContent: _("Take the chosen one"), onclick: () => confirm(chosen) }) : null,
      element("span", { className: "soft", textContent: _("Arrows choose, Enter takes the chosen one.") })),
  );
  dialog.showModal();
  if (tries.length) {
    choose(chosen);
    list.focus();
  }
}

function option(job, attempt, ground, choose, confirm) {
  const canvas = element("canvas", { width: 560, height: 420, "aria-hidden": "true" });
  if (attempt.picture) paint(canvas, job, attempt, ground);
  const score = attempt.score === null ? "" : figure(attempt.score, { maximumFractionDigits: 2, minimumFractionDigits: 2 });
  const reasons = (attempt.findings ?? []).map((reason) => element("li", { textContent: inWords(reason) }));
  if (attempt.error) reasons.push(element("li", { textContent: inPlainWords(attempt.error) }));
  if (!attempt.picture) reasons.push(element("li", { textContent: _("Its alpha is no longer kept.") }));
  return element(
    "div", { role: "option", className: "attempt", id: `attempt-${attempt.number}`, "aria-selected": "false", onclick: choose, ondblclick: confirm },
    canvas,
    element("p", { className: "row" },
      element("strong", { textContent: _("Attempt %(n)s", { n: attempt.number }) }),
      attempt.grade ? element("span", { className: "grade", "data-grade": attempt.grade, textContent: gradeName(attempt.grade) }) : null,
      element("span", { className: "soft", textContent: score }),
      attempt.best ? element("span", { className: "soft", textContent: _("in use") }) : null),
    element("p", { className: "soft", textContent: recipe(attempt.recipe) }),
    element("ul", { className: "reasons" }, ...reasons),
  );
}

// What the engine was asked for: the model, its size, and what was shown to it.
const VIEWS = { zoom: () => _("enlarged part"), mirrored: () => _("mirrored"), "touch-up": () => _("touched up") };
const recipe = (value) => value.split(" ").map((each) => VIEWS[each]?.() ?? each).join(" · ");

async function paint(canvas, job, attempt, ground) {
  const context = canvas.getContext("2d");
  const key = `attempt ${job.id} ${attempt.picture.url}`;
  const cut = await pixels
    .want(key, 0, async () => {
      const [colour, alpha] = await Promise.all([bitmap(`${(job.pictures.original ?? job.pictures.colour).url}fit`), bitmap(`${attempt.picture.url}fit`)]);
      return masked(colour, alpha);
    })
    .catch(() => null);
  if (!cut) return;
  const scale = Math.min(canvas.width / cut.width, canvas.height / cut.height);
  const box = { width: cut.width * scale, height: cut.height * scale };
  box.x = (canvas.width - box.width) / 2;
  box.y = (canvas.height - box.height) / 2;
  context.imageSmoothingQuality = "high";
  paintGround(context, ground.name === "original" ? { name: "chequers" } : ground, box, 2);
  context.drawImage(cut, box.x, box.y, box.width, box.height);
}


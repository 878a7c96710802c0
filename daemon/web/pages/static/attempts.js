// Other attempts at the same photo, side by side; one of them can be taken instead.
import { ask, jobPath } from "./api.js";
import { byId, element, fill } from "./dom.js";
import { keyFor, keySign } from "./keys.js";
import { marksOf } from "./marks.js";
import { numberOnPage, ofPage, pageName } from "./page_of_photo.js";
import { inPlainWords } from "./problems.js";
import { promisesOf } from "./promises.js";
import { inWords } from "./reasons.js";
import { _, figure, gradeName } from "./texts.js";
import { Together } from "./together.js";

const STEP = 1.5; // how much larger or smaller a key makes the pictures
const ASIDE = 0.2; // of what is seen

// Opens the attempts of a job. take(number): somebody chose one. Raises Refusal.
export async function showAttempts(job, ground, take) {
  const { tries, pictures } = ofPage(await ask(jobPath(job.id)), job.page);
  const dialog = byId("attempts");
  let chosen = Math.max(0, tries.findIndex((each) => each.best));
  const together = new Together(
    () => {
      dialog.classList.toggle("zoomed", together.zoomed);
      const line = dialog.querySelector(".zoom-of-all");
      line.dataset.sharp = String(together.sharp);
      const text = `${figure(Math.round(together.percent))}\u00a0%${together.sharp ? "" : ` · ${_("preview")}`}`;
      if (line.textContent !== text) line.textContent = text;
    },
    (refusal) => { dialog.querySelector(".attempts-trouble").textContent = _("The picture cannot be shown. %(why)s", { why: refusal.message }); },
  );
  const shown = ground.name === "original" ? { name: "chequers" } : ground;
  const show = (each, canvas) => {
    if (pictures?.original) together.add(canvas, { original: pictures.original, alpha: each.picture }, shown);
  };
  const options = tries.map((each, n) => option(each, show, () => choose(n), () => confirm(n)));
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

  const zooms = {
    larger: () => together.zoomBy(STEP),
    smaller: () => together.zoomBy(1 / STEP),
    zoom: () => (together.zoomed ? together.fit() : together.fullSize(marksOf(tries[chosen])[0])),
  };

  function moved(event) {
    const aside = event.shiftKey && { ArrowRight: [ASIDE, 0], ArrowLeft: [-ASIDE, 0], ArrowDown: [0, ASIDE], ArrowUp: [0, -ASIDE] }[event.key];
    const zoom = Object.keys(zooms).find((act) => keyFor(act)?.toLowerCase() === event.key.toLowerCase());
    if (aside || zoom) {
      if (aside) together.step(...aside);
      else zooms[zoom]();
      event.preventDefault();
      return;
    }
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
      element("h2", { id: "attempts-title", textContent: _("Attempts at %(name)s", { name: pageName(job) }) }),
      element("button", { type: "button", textContent: _("Close"), onclick: () => dialog.close() })),
    tries.some((each) => each.picture) ? zoomBar(zooms) : null,
    element("p", { className: "soft attempts-trouble", role: "status" }),
    tries.length ? list : element("p", { className: "soft", textContent: _("There is no other attempt.") }),
    element("p", { className: "row" },
      tries.length > 1 ? element("button", { type: "button", className: "primary", textContent: _("Take the chosen one"), onclick: () => confirm(chosen) }) : null,
      element("span", { className: "soft", textContent: _("Arrows choose, Enter takes the chosen one.") })),
  );
  dialog.classList.remove("zoomed");
  dialog.onclose = () => together.close();
  dialog.showModal();
  for (const each of options) each.show();
  if (tries.length) {
    choose(chosen);
    list.focus();
  }
}

// Enlarges all pictures together.
function zoomBar(zooms) {
  const button = (act, label) => element("button", { type: "button", onclick: zooms[act] }, label, " ", keySign(act));
  return element("p", { className: "row zoom-bar" },
    button("larger", _("Larger")), button("smaller", _("Smaller")), button("zoom", _("100 % or whole")),
    element("span", { className: "zoom-of-all", role: "status" }),
    element("span", { className: "soft", textContent: _("The wheel or two fingers enlarge all pictures, dragging moves them.") }),
    element("span", { className: "soft", textContent: _("Each is shown as its result would be, but for the colours at its rim.") }));
}

// How fine an attempt's own alpha is. "Enlarged" is what an engine's answer always is that is smaller than the photo.
function fineness({ pixels, enlarged }) {
  if (enlarged < 1.05) return _("As fine as the photo");
  return _("The answer has %(pixels)s pixels on its longer side, enlarged %(times)s times; the photo leads its edges", {
    pixels: figure(pixels), times: figure(enlarged, { maximumFractionDigits: 1 }),
  });
}

function option(attempt, show, choose, confirm) {
  const canvas = element("canvas", { "aria-hidden": "true" });
  const score = promisesOf(attempt).map(({ text }) => text).join(" · ");
  const reasons = (attempt.findings ?? []).map((reason) => element("li", { textContent: inWords(reason) }));
  if (attempt.failure) reasons.push(element("li", { textContent: inPlainWords(attempt.failure) }));
  if (!attempt.picture) reasons.push(element("li", { textContent: _("Its alpha is no longer kept.") }));
  const made = element(
    "div", { role: "option", className: "attempt", id: `attempt-${attempt.number}`, "aria-selected": "false", onclick: choose, ondblclick: confirm },
    canvas,
    element("p", { className: "row" },
      element("strong", { textContent: _("Attempt %(n)s", { n: numberOnPage(attempt.number) }) }),
      attempt.grade ? element("span", { className: "grade", "data-grade": attempt.grade, textContent: gradeName(attempt.grade) }) : null,
      element("span", { className: "soft", textContent: score }),
      attempt.best ? element("span", { className: "soft", textContent: _("in use") }) : null),
    element("p", { className: "soft", textContent: recipe(attempt.recipe) }),
    attempt.picture?.answer ? element("p", { className: "soft fineness", textContent: fineness(attempt.picture.answer) }) : null,
    element("ul", { className: "reasons" }, ...reasons),
  );
  made.show = () => { if (attempt.picture) show(attempt, canvas); }; // only now it has a size
  return made;
}

// What the engine was asked for: the model, its size, and what was shown to it.
const VIEWS = { zoom: () => _("enlarged part"), mirrored: () => _("mirrored"), "touch-up": () => _("touched up") };
const recipe = (value) => value.split(" ").map((each) => VIEWS[each]?.() ?? each).join(" · ");

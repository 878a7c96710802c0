// What stands beside a picture that is touched up: the two brushes, their size, what was done, and the ways out.
import { byId, element, fill } from "./dom.js";
import { keySign } from "./keys.js";
import { pageName } from "./page_of_photo.js";
import { _, figure } from "./texts.js";

const SIZES = 500; // steps of the slider; each is the same factor

// brush: {size, hardness, to, snap}; sizes: [least, most], CSS pixels. does: what the buttons do.
export function drawPanel(job, brush, [least, most], does) {
  const kind = (to, label) =>
    element("button", { type: "button", className: "brush-kind", "data-to": String(to), onclick: () => does.choose(to) }, element("span", { textContent: label }));
  const range = (id, label, key, max, input) =>
    element("div", { className: "brush-range" },
      element("label", { for: id, textContent: label }), element("output", { id: `${id}-now`, for: id }),
      element("input", { id, type: "range", min: 0, max, oninput: (event) => input(Number(event.target.value)) }), ...key);
  const deed = (act, label, run, className) =>
    element("button", { type: "button", id: `touch-${act}`, className, onclick: run }, element("span", { textContent: label }), " ", keySign(act));
  fill(
    byId("touch-up"),
    element("h2", { textContent: _("Touch up"), className: "name" }),
    element("p", { className: "where", textContent: pageName(job) }),
    element("div", { className: "brush-kinds", role: "group", "aria-label": _("Brush") },
      kind(255, _("Bring back")), kind(0, _("Take away")), keySign("other-brush")),
    range("brush-size", _("Size"), [keySign("smaller-brush"), keySign("larger-brush")], SIZES, (step) => does.resize(least * (most / least) ** (step / SIZES))),
    range("brush-hardness", _("Hardness"), [keySign("softer-brush"), keySign("harder-brush")], 100, (percent) => does.harden(percent / 100)),
    element("label", { className: "check" },
      element("input", { type: "checkbox", id: "brush-snap", onchange: (event) => does.snap(event.target.checked) }), " ", _("Snap to the photo's edge"), " ", keySign("snap")),
    element("p", { className: "soft hint with-mouse", textContent: _("Alt: the other brush. Shift, or the middle button: move the picture. Wheel: zoom.") }),
    element("p", { className: "soft hint with-fingers", textContent: _("One finger paints, two move and zoom.") }),
    element("div", { className: "deeds touch-deeds" }, deed("undo", _("Undo"), does.undo), deed("redo", _("Redo"), does.redo)),
    element("div", { id: "touch-progress", role: "status" }),
    element("div", { className: "touch-ways" },
      deed("leave", _("Leave"), does.leave), deed("send", _("Use this"), does.send, "primary")),
  );
  showBrush(brush, [least, most]);
}

export function showBrush(brush, [least, most]) {
  for (const button of document.querySelectorAll(".brush-kind")) button.setAttribute("aria-pressed", String(Number(button.dataset.to) === brush.to));
  const size = byId("brush-size");
  size.value = String(Math.round((SIZES * Math.log(brush.size / least)) / Math.log(most / least)));
  const [sizeText, hardnessText] = [figure(Math.round(brush.size)), `${figure(Math.round(100 * brush.hardness))}\u00a0%`];
  byId("brush-size-now").textContent = sizeText;
  size.setAttribute("aria-valuetext", sizeText);
  byId("brush-hardness").value = String(Math.round(100 * brush.hardness));
  byId("brush-hardness-now").textContent = hardnessText;
  byId("brush-hardness").setAttribute("aria-valuetext", hardnessText);
  byId("brush-snap").checked = brush.snap;
}

// What can be done now. painting: a Painting. share: how much of the result is put together, null = none is sent.
export function showState(painting, share) {
  const sending = share !== null;
  byId("touch-undo").disabled = sending || !painting.canUndo;
  byId("touch-redo").disabled = sending || !painting.canRedo;
  byId("touch-send").disabled = sending || !painting.dirty;
  byId("touch-leave").disabled = sending;
  const line = byId("touch-progress");
  if (!sending) return fill(line);
  if (!line.firstChild) fill(line, element("p", {}), element("progress", { max: 1, "aria-label": _("Progress") }));
  const [text, bar] = line.children;
  const words = share < 1 ? _("The alpha is put together …") : _("The result is sent …");
  if (text.textContent !== words) text.textContent = words; // read aloud once, not with each step
  if (share < 1) bar.value = share;
  else bar.removeAttribute("value");
  return undefined;
}

// Asks whether the strokes may go. Promises the answer.
export function askToLeave() {
  const dialog = byId("asking");
  return new Promise((resolve) => {
    let sure = false;
    fill(
      dialog,
      element("h2", { id: "asking-title", textContent: _("Leave without using the strokes?") }),
      element("p", { className: "soft", textContent: _("What you painted is lost then.") }),
      element("p", { className: "row" },
        element("button", { type: "button", className: "primary", autofocus: true, textContent: _("Go on painting"), onclick: () => dialog.close() }),
        element("button", { type: "button", textContent: _("Leave"), onclick: () => { sure = true; dialog.close(); } })),
    );
    dialog.onclose = () => resolve(sure);
    dialog.showModal();
  });
}

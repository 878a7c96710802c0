// The stage: the picture, its grounds, slider, marks and zoom, by keys, buttons and pointers.
import { byId, decides, element, fill, message, remembered } from "./base.js";
import { gestures } from "./gestures.js";
import { choosePicture, GROUNDS, recallPicture } from "./grounds.js";
import { keyFor, keyName, keySign } from "./keys.js";
import { marksOf } from "./marks.js";
import { _ } from "./texts.js";
import { Viewer } from "./viewer.js";

const canvas = byId("picture");
const stage = byId("stage");
const main = byId("main");
export const viewer = new Viewer(canvas, { changed: viewChanged, failed: pictureFailed });

let shown = null; // the job
let ground = remembered.get("ground", "chequers");
let marksShown = remembered.get("marks", true);
let pointer = null; // where it is on the stage
let place = -1; // the number of the mark that is zoomed at

// Shows a job's picture; null = none. again: the same photo, whose files are others now.
export function showPicture(job, again = false) {
  shown = job;
  if (!again) place = -1;
  viewer.show(job?.pictures ?? null, job && marksShown ? marksOf(job) : []);
}

function viewChanged(now) {
  const zoom = byId("zoom");
  const fits = now.view.scale === null;
  const text = now.pictures ? `${Math.round(now.percent)} %` : "";
  if (zoom.dataset.text !== text + fits) {
    zoom.dataset.text = text + fits;
    const does = fits ? _(": the whole picture. Show %(full)s", { full: "100 %" }) : _(": a part. Show the whole picture");
    fill(zoom, text, element("span", { className: "visually-hidden", textContent: does }), " ", keySign("zoom"));
  }
  canvas.dataset.complete = String(now.complete);
  stage.classList.toggle("waits", now.waits);
  canvas.classList.toggle("zoomed", now.zoomed);
  if (now.zoomed && !looksClosely()) remembered.set("zooms", true);
  const split = byId("split");
  split.hidden = now.split === null || !now.pictures;
}

let gone = () => {};
// run(): the picture that is shown is no longer at its address, so the photo may have changed.
export function whenGone(run) {
  gone = run;
}

const told = new Set();
function pictureFailed(refusal, pictures) {
  if (told.has(pictures.colour.url)) return;
  told.add(pictures.colour.url);
  setTimeout(() => told.delete(pictures.colour.url), 5000);
  if ([404, 410].includes(refusal.status)) gone();
  if (refusal.passing) setTimeout(() => viewer.redraw(), 2000);
  else message(_("The picture cannot be shown. %(why)s", { why: refusal.message }), { bad: true });
}

// Whether this person looks closely, so that it is worth while to have tiles built ahead.
export const looksClosely = () => remembered.get("zooms", false);

// Whether this person looks at originals, so that it is worth while to fetch them ahead.
export const looksAtOriginals = () => remembered.get("originals", false) || viewer.split !== null || ground === "original";

function setGround(name, again = false) {
  ground = name;
  remembered.set("ground", name);
  const row = GROUNDS.find((each) => each.name === name);
  viewer.ground = { name, colour: name === "shop" ? main.dataset.shopColour : row.colour };
  viewer.layer = "result";
  viewer.redraw();
  for (const button of byId("grounds").children) button.setAttribute("aria-pressed", String(button.dataset.ground === name));
  if (again && name === "picture") byId("ground-file").click();
}

function toggleAlpha() {
  viewer.layer = viewer.layer === "alpha" ? "result" : "alpha";
  viewer.redraw();
}

function toggleSlider() {
  viewer.split = viewer.split === null ? Number(byId("split").value) / 1000 : null;
  remembered.set("originals", true);
  byId("compare-original").setAttribute("aria-pressed", String(viewer.split !== null));
  viewer.redraw();
}

// 100 % at a point of the stage, else at the worst place, else where the pointer is; and back to the whole picture.
function zoom(at = null) {
  if (!viewer.pictures) return undefined;
  if (viewer.zoomed) return viewer.fit();
  const [worst] = marksOf(shown);
  if (at || !worst) return viewer.fullSize(at || pointer ? viewer.placeAt(at ?? pointer) : { x: 0.5, y: 0.5 }, at ?? pointer);
  place = 0;
  return viewer.fullSize(worst);
}

// The next place. After the last one, and where there is none, Tab is Tab.
function nextPlace(event) {
  const onPicture = event.target === canvas || event.target === document.body || event.target === main;
  const marks = viewer.pictures ? marksOf(shown) : [];
  if ((event.key === "Tab" && !onPicture) || place + 1 >= marks.length) {
    place = -1;
    return false;
  }
  place += 1;
  viewer.fullSize(marks[place]);
  return true;
}

let brush = null;
// What pointers do from now on: see `gestures`; null = they look around and decide.
export function takePointers(taken) {
  brush = taken;
}

const middle = () => pointer ?? { x: viewer.width / 2, y: viewer.height / 2 };

export const viewActs = {
  zoom: () => zoom(),
  place: nextPlace,
  larger: () => viewer.zoomBy(1.5, middle()),
  smaller: () => viewer.zoomBy(1 / 1.5, middle()),
  slider: toggleSlider,
  alpha: toggleAlpha,
  look: () => { viewer.layer = "original"; viewer.redraw(); },
  marks: () => { marksShown = !marksShown; remembered.set("marks", marksShown); showPicture(shown, true); },
  ...Object.fromEntries(GROUNDS.map((each) => [each.name, () => setGround(each.name, true)])),
};

document.addEventListener("keyup", (event) => {
  if (viewer.layer !== "original") return;
  viewer.layer = "result";
  viewer.redraw();
  event.preventDefault();
});

function hint(direction, strength) {
  for (const each of document.querySelectorAll(".swipe-hint")) {
    const on = decides && each.classList.contains(direction);
    each.style.opacity = on ? String(0.25 + 0.75 * strength) : "";
    each.classList.toggle("sure", on && strength >= 1);
  }
}

// The line of the slider is caught within a finger's width.
function slide(at, begins) {
  if (viewer.split === null || (begins && Math.abs(at.x - viewer.split * viewer.width) > 24)) return false;
  viewer.split = Math.min(Math.max(at.x / viewer.width, 0), 1);
  byId("split").value = String(Math.round(viewer.split * 1000));
  viewer.redraw();
  return true;
}

// swiped(direction): "left", "right" or "up".
export function listenToPointers(swiped) {
  gestures(stage, viewer, {
    swiped, hint, slide, brush: () => brush,
    moved: (at) => { pointer = at; },
    tapped: (at) => { pointer = at; zoom(at); },
  });
  stage.addEventListener("pointerleave", () => { pointer = null; });
}

function groundButton(each) {
  const label = each.label();
  const made = element("button", {
    type: "button", className: `ground ${each.name}`, "data-ground": each.name, "aria-label": label,
    title: `${label} (${keyName(keyFor(each.name) ?? "")})`, onclick: () => setGround(each.name, ground === each.name),
  });
  if (each.name === "shop") made.style.setProperty("--shop", main.dataset.shopColour);
  return made;
}

// The buttons of the stage, with the keys that are set now.
export function drawViewButtons() {
  fill(byId("grounds"), ...GROUNDS.map(groundButton));
  fill(byId("compare-original"), element("span", { textContent: _("Compare") }), " ", keySign("slider"));
  byId("zoom").dataset.text = "";
  setGround(ground);
}

byId("zoom").addEventListener("click", () => { pointer = null; zoom(); });
byId("compare-original").addEventListener("click", toggleSlider);
byId("split").addEventListener("input", (event) => { viewer.split = Number(event.target.value) / 1000; viewer.redraw(); });
byId("ground-file").addEventListener("change", async (event) => {
  const [file] = event.target.files;
  event.target.value = "";
  try {
    if (file) await choosePicture(file);
  } catch {
    message(_("That file is no picture that this browser can show."), { bad: true });
  }
  viewer.redraw();
});
recallPicture().then(() => viewer.redraw(), () => {});

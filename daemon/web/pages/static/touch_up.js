// Touching up a result: a brush that brings back and one that takes away, on its alpha at full resolution.
import { AlphaTiles } from "./alpha_tiles.js";
import { ask, jobPath, Refusal } from "./api.js";
import { byId, element, message, remembered, tell } from "./base.js";
import { greyPng } from "./grey_png.js";
import { hasPages, ofPage } from "./page_of_photo.js";
import { Painting } from "./painting.js";
import { _ } from "./texts.js";
import { TouchLayer } from "./touch_layer.js";
import { askToLeave, drawPanel, showBrush, showState } from "./touch_panel.js";
import { takePointers, viewActs, viewer } from "./view.js";

const SIZES = [2, 400]; // how broad the brush is on the screen, CSS pixels, so that zooming in makes it finer
const SIZE_STEP = 1.15;
const HARDNESS_STEP = 0.1;
const SPACING = 0.16; // of the brush's radius: shorter moves wait for the next one, so that a broad brush keeps up

const brush = { size: 40, hardness: 0.6, to: 255, snap: false, ...remembered.get("brush", {}) };
const ring = element("div", { className: "brush-ring", "aria-hidden": "true", hidden: true });
byId("stage").append(ring);

let now = null; // {job, tiles, painting, ended, share}: while a result is touched up
let last = null; // where the stroke is, in pixels of the picture
let held = null; // a short move that waits
let pointer = null; // where it is on the stage
let inverted = false;

export const touchingUp = () => now !== null;

// Promises that all strokes are painted and snapped.
export const atRest = () => Promise.resolve(now?.painting.idle);

// Why a result cannot be touched up here, in words; "" if it can.
function hindrance({ pictures }) {
  if (!pictures) return _("This photo has no picture to show: it is tried again, or its files were moved away.");
  const { original, alpha } = pictures;
  if (!original) return _("The original is no longer there, so the result cannot be made anew.");
  if (original.width === alpha.width && original.height === alpha.height && original.tile === alpha.tile) return "";
  return _("This result is trimmed or smaller than the photo, so it cannot be touched up here. Use an image editor.");
}

// Opens the touch-up of the job that is shown. ended(answer): it is over; answer: the daemon's, null = nothing was sent.
export function openTouchUp(job, ended) {
  const why = hindrance(job);
  if (why) return message(why, { bad: true });
  const tiles = new AlphaTiles(job.pictures.alpha);
  const layer = new TouchLayer(tiles);
  const painting = new Painting(tiles, job.pictures, {
    changed: (number, box) => { layer.changed(number, box); viewer.redraw(); },
    settled: showNow,
    failed: (error) => message(_("A part of the picture did not come, so the stroke does not count there. %(why)s", { why: error.message }), { bad: true }),
  });
  now = { job, tiles, painting, ended, share: null };
  if (brush.snap) painting.snapping.prepare();
  Object.assign(viewer, { touched: layer, marks: [] });
  setMode(true);
  drawPanel(job, brush, SIZES, { choose, resize, harden, snap, undo, redo, leave, send });
  showNow();
  takePointers({ begin, move, end, cancel, hover });
  viewer.redraw();
  tell(_("Touch up"));
  return undefined;
}

function close(answer) {
  const { painting, ended } = now;
  painting.cancel();
  painting.close();
  now = null;
  takePointers(null);
  viewer.touched = null;
  setMode(false);
  byId("main").focus();
  ended(answer);
}

function setMode(on) {
  document.body.classList.toggle("touching-up", on);
  byId("touch-up").hidden = !on;
  byId("strip").inert = on;
  ring.hidden = true;
}

function showNow() {
  if (now) showState(now.painting, now.share);
}

addEventListener("beforeunload", (event) => { if (now?.painting.dirty) event.preventDefault(); });

// ---- the brush ----

const scaleNow = () => viewer.box.width / now.tiles.picture.width;

function onPicture(at) {
  const { x, y } = viewer.box;
  const scale = scaleNow();
  return { x: (at.x - x) / scale, y: (at.y - y) / scale };
}

// A pen paints as strongly as it is pressed.
const strength = (event) => (event.pointerType === "pen" && event.pressure > 0 ? event.pressure : 1);

function begin(at, event) {
  hover(at, event);
  if (now.share !== null) return;
  const to = event.altKey ? 255 - brush.to : brush.to;
  now.painting.begin({ radius: Math.max(0.5, brush.size / 2 / scaleNow()), hardness: brush.hardness, to, snap: brush.snap });
  last = onPicture(at);
  now.painting.stretch(last, last, strength(event));
}

function move(at, event) {
  if (!last) return;
  const next = onPicture(at);
  const far = Math.hypot(next.x - last.x, next.y - last.y) * scaleNow() >= (SPACING * brush.size) / 2;
  if (far) stretch(next, strength(event));
  else held = [next, strength(event)];
}

function stretch(next, opacity) {
  now.painting.stretch(last, next, opacity);
  last = next;
  held = null;
}

function end() {
  if (held) stretch(...held);
  last = null;
  now.painting.end();
}

function cancel() {
  last = held = null;
  now.painting.cancel();
}

function hover(at, event) {
  pointer = at;
  inverted = event.altKey;
  showRing();
}

function showRing() {
  ring.hidden = !pointer || !now;
  if (ring.hidden) return;
  ring.dataset.to = String(inverted ? 255 - brush.to : brush.to);
  ring.style.width = ring.style.height = `${brush.size}px`;
  ring.style.translate = `${pointer.x - brush.size / 2}px ${pointer.y - brush.size / 2}px`;
  ring.style.setProperty("--hard", `${Math.round(100 * brush.hardness)}%`);
}

byId("stage").addEventListener("pointerleave", () => { pointer = null; ring.hidden = true; });
for (const kind of ["keydown", "keyup"]) {
  addEventListener(kind, (event) => {
    if (event.key !== "Alt" || !now) return;
    inverted = kind === "keydown";
    event.preventDefault(); // or the browser's menu takes the focus
    showRing();
  });
}

function set(values) {
  Object.assign(brush, values);
  remembered.set("brush", { ...brush, to: 255 });
  showBrush(brush, SIZES);
  showRing();
}

function choose(to) {
  set({ to });
  tell(to ? _("Bring back") : _("Take away"));
}

const bounded = (value, [least, most]) => Math.min(Math.max(value, least), most);
const resize = (size) => set({ size: bounded(size, SIZES) });
const harden = (hardness) => set({ hardness: bounded(hardness, [0, 1]) });

function snap(on) {
  set({ snap: on });
  if (on) now.painting.snapping.prepare();
  tell(on ? _("Strokes snap to the photo's edge") : _("Strokes do not snap"));
}

// ---- undo, leave, send ----

const turned = (turn) => {
  if (now?.share === null) now.painting[turn]();
};
const undo = () => turned("undo");
const redo = () => turned("redo");

async function leave() {
  if (now.share !== null) return;
  cancel();
  if (!now.painting.dirty || (await askToLeave())) close(null);
}

async function send() {
  const { job, tiles, painting } = now;
  if (now.share !== null || !painting.dirty) return;
  if (last) end();
  const share = (value) => { now.share = value; showNow(); };
  share(0);
  try {
    await painting.idle;
    if (!painting.dirty) return;
    const { width, height } = tiles.picture;
    const png = await greyPng(width, height, tiles.strips((done) => share(done * 0.99)));
    share(1);
    const answer = await posted(job, png);
    message(_("Touched up. The result is made anew."));
    close(answer);
  } catch (error) {
    const why = error instanceof Refusal ? error.message : _("That did not work: %(detail)s", { detail: error.message });
    message(_("%(why)s Your strokes are still here.", { why }), { bad: true, act: { label: _("Send again"), run: () => now && send() } });
  } finally {
    if (now) share(null);
  }
}

// Sends it for the result that was painted on, also if that was only moved since.
async function posted(job, body) {
  let { version } = job;
  for (let again = false; ; again = true) {
    try {
      return await ask(jobPath(job.id, hasPages(job) ? `/touch-up?page=${job.page}` : "/touch-up"), { method: "POST", body, headers: { "If-Match": `"${version}"` } });
    } catch (refusal) {
      let found = refusal.problem?.job;
      if (hasPages(found)) found = ofPage(await ask(jobPath(job.id)), job.page);
      if (again || refusal.status !== 412 || found?.pictures?.alpha.url !== job.pictures.alpha.url) throw refusal;
      version = found.version;
    }
  }
}

// What keys do while a result is touched up. Those of the view work as in the review.
export const touchActs = {
  ...viewActs,
  "other-brush": () => choose(255 - brush.to),
  "smaller-brush": () => resize(brush.size / SIZE_STEP),
  "larger-brush": () => resize(brush.size * SIZE_STEP),
  "softer-brush": () => harden(brush.hardness - HARDNESS_STEP),
  "harder-brush": () => harden(brush.hardness + HARDNESS_STEP),
  snap: () => snap(!brush.snap),
  undo, redo, leave, send,
};
for (const act of ["marks", "place", "slider"]) delete touchActs[act];

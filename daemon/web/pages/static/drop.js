// Takes photos and folders that are dragged onto the page, and brings them to an order. What was not sent can be sent again.
import { ask } from "./api.js";
import { byId, connection, element } from "./base.js";
import { chosen, dropped } from "./dropped.js";
import { inPlainWords } from "./problems.js";
import { giveUp, sendOnce, Unreadable } from "./sending.js";
import { _, figure, ngettext, span } from "./texts.js";

const AT_ONCE = 2;
const FIRST_WAIT_SECONDS = 1;
const LONGEST_WAIT_SECONDS = 30;
const RATE_SECONDS = 10; // over which we measure how fast it goes

const files = []; // {file, folder, order, state: waiting | sending | done | bad | cancelled, sent (bytes), line, stop}
let running = 0;
let paused = false;

function take(found) {
  const typed = byId("order").value.trim();
  for (const { file, folder, name } of found) {
    const order = typed || folder.split("/")[0];
    const each = { file, folder, order, state: "waiting", sent: 0 };
    if (file && taken.has(identity(each))) continue;
    if (file) taken.add(identity(each));
    each.line = lineOf(each, file?.name ?? name);
    files.push(each);
    byId("uploads").append(each.line);
    if (!file) end(each, "bad", _("This cannot be read."));
    else if (!file.size) end(each, "bad", _("The file is empty."));
  }
  byId("uploads-section").hidden = files.length === 0;
  draw();
  start();
}

const taken = new Set(); // the identities of the files that are under way or have arrived
const identity = ({ file, folder, order }) => [order, folder, file.name, file.size, file.lastModified].join("\0");

// ---- sending ----

function start() {
  while (running < AT_ONCE && !paused) {
    const next = files.find((each) => each.state === "waiting");
    if (!next) break;
    send(next);
  }
}

async function send(each) {
  running += 1;
  each.state = "sending";
  each.stop = new AbortController();
  say(each, "");
  draw();
  try {
    await untilTaken(each);
    each.sent = each.file.size;
    end(each, "done", _("arrived"));
  } catch (problem) {
    if (problem.name === "AbortError") {
      if (each.state === "cancelled") giveUp(each);
      else Object.assign(each, { state: "waiting", stop: null }); // paused
      say(each, each.state === "cancelled" ? _("cancelled") : _("paused"));
    } else end(each, "bad", problem instanceof Unreadable ? _("The file was moved or changed meanwhile. Choose it again.") : why(problem));
  }
  connection("upload", null);
  running -= 1;
  draw();
  start();
}

// Tries again as long as it may succeed by itself: at once when the line is back, else with longer and longer waits.
async function untilTaken(each) {
  let seconds = FIRST_WAIT_SECONDS;
  for (;;) {
    const before = each.sent;
    try {
      return await sendOnce(each, (bytes) => progress(each, bytes), each.stop.signal);
    } catch (problem) {
      const isAnother = problem.status === 409; // a request of before is not over, or more has arrived than we know
      if (!problem.passing && !isAnother) throw problem;
      if (problem.status === 0) connection("upload", 0);
      marks.length = 0;
      drawBytes();
      say(each, problem.status === 0 || isAnother ? _("waits to be sent again") : problem.message);
      seconds = each.sent > before ? FIRST_WAIT_SECONDS : Math.min(2 * seconds, LONGEST_WAIT_SECONDS);
      await rest(problem.retryAfter || seconds, each.stop.signal);
    }
  }
}

// Waits; until the line is back, if that comes first. Raises an AbortError.
function rest(seconds, signal) {
  return new Promise((resolve, reject) => {
    const over = (go, value) => {
      clearTimeout(timer);
      removeEventListener("online", back);
      signal.removeEventListener("abort", ended);
      go(value);
    };
    const back = () => over(resolve);
    const ended = () => over(reject, signal.reason);
    const timer = setTimeout(back, seconds * 1000);
    addEventListener("online", back);
    signal.addEventListener("abort", ended);
    if (signal.aborted) ended();
  });
}

function why(problem) {
  if (problem.status === 403) return _("You may not send photos to this order.");
  if (problem.status === 413 || problem.status === 422) return asSentence(problem.problem.failure ? inPlainWords(problem.problem.failure) : "") || problem.message;
  if (problem.status === 404) return _("The daemon forgot this file. Try it again.");
  return problem.message;
}

const asSentence = (text) => text.charAt(0).toLocaleUpperCase() + text.slice(1);

function cancel(each) {
  if (!["waiting", "sending", "bad"].includes(each.state)) return;
  const wasSending = each.state === "sending";
  end(each, "cancelled", _("cancelled"));
  each.sent = 0;
  if (wasSending) each.stop.abort();
  else if (each.file) giveUp(each);
  draw();
}

function setPaused(yes) {
  paused = yes;
  if (paused) files.filter((each) => each.state === "sending").forEach((each) => each.stop.abort());
  else files.filter((each) => each.state === "waiting").forEach((each) => say(each, ""));
  draw();
  start();
}

function again() {
  for (const each of files.filter((one) => one.state === "bad" && one.file?.size)) {
    if (taken.has(identity(each))) continue; // chosen again meanwhile
    taken.add(identity(each));
    const line = lineOf(each, each.file.name);
    each.line.replaceWith(line);
    Object.assign(each, { state: "waiting", sent: 0, line });
  }
  draw();
  start();
}

// ---- what people see ----

function lineOf(each, name) {
  const path = [each.order, ...each.folder.split("/").slice(1), name].filter(Boolean).join(" / ");
  return element("li", {},
    element("span", { className: "label", textContent: path }),
    element("span", { className: "state" }),
    element("button", { type: "button", textContent: "✕", "aria-label": _("Cancel %(name)s", { name }), title: _("Cancel"), onclick: () => cancel(each) }),
    element("progress", { max: 1, value: 0, "aria-label": name }));
}

function say(each, text) {
  each.line.querySelector(".state").textContent = text;
}

function end(each, state, text) {
  each.state = state;
  if (state !== "done" && each.file) taken.delete(identity(each));
  each.line.className = { done: "well", bad: "bad" }[state] ?? "";
  each.line.querySelector("progress")?.remove();
  each.line.querySelector("button")?.remove();
  say(each, text);
}

function progress(each, bytes) {
  if (each.state !== "sending") return;
  connection("upload", null);
  each.sent = Math.min(bytes, each.file.size);
  const share = each.sent / each.file.size;
  const bar = each.line.querySelector("progress");
  if (bar) bar.value = share;
  say(each, share < 1 ? `${figure(Math.floor(100 * share))} %` : _("is looked at"));
  drawBytes();
}

const unfinished = () => files.some((each) => each.state === "waiting" || each.state === "sending");

function draw() {
  const count = (state) => files.filter((each) => each.state === state).length;
  const [done, bad, cancelled] = ["done", "bad", "cancelled"].map(count);
  const words = [_("%(n)s of %(sum)s photos have arrived.", { n: figure(done), sum: figure(files.length - cancelled) })];
  if (bad) words.push(ngettext("One could not be taken.", "%(num)s could not be taken.", bad));
  if (paused && unfinished()) words.push(_("Paused."));
  byId("sum").textContent = words.join(" ");
  byId("again").hidden = !files.some((each) => each.state === "bad" && each.file?.size);
  byId("arrived").hidden = !done || unfinished();
  byId("pause").hidden = !unfinished();
  byId("pause").textContent = paused ? _("Go on") : _("Pause");
  byId("cancel").hidden = !unfinished();
  drawBytes();
}

const marks = []; // [seconds, bytes sent], the oldest first

function drawBytes() {
  const wanted = files.filter((each) => ["waiting", "sending", "done"].includes(each.state));
  const sum = wanted.reduce((bytes, each) => bytes + each.file.size, 0);
  const sent = wanted.reduce((bytes, each) => bytes + each.sent, 0);
  byId("whole").value = sum ? sent / sum : 0;
  const now = performance.now() / 1000;
  if (paused || !marks.length || sent < marks.at(-1)[1]) marks.length = 0;
  marks.push([now, sent]);
  while (marks.length > 2 && marks[0][0] < now - RATE_SECONDS) marks.shift();
  const rate = (sent - marks[0][1]) / (now - marks[0][0]);
  const megabytes = (bytes) => figure(bytes / 1e6, { maximumFractionDigits: bytes < 1e7 ? 1 : 0 });
  const words = [_("%(sent)s of %(sum)s MB", { sent: megabytes(sent), sum: megabytes(sum) })];
  if (unfinished() && !paused && rate > 0 && now - marks[0][0] > 1) words.push(_("about %(time)s left", { time: span((sum - sent) / rate) }));
  byId("bytes").textContent = words.join(", ");
}

// ---- what people do ----

const zone = byId("zone");
for (const kind of ["dragenter", "dragover"]) document.addEventListener(kind, (event) => { event.preventDefault(); zone.classList.add("over"); });
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) zone.classList.remove("over"); });
document.addEventListener("drop", async (event) => {
  event.preventDefault();
  zone.classList.remove("over");
  take(await dropped(event.dataTransfer.items));
});
document.addEventListener("paste", (event) => {
  const pasted = chosen(event.clipboardData.files);
  if (!pasted.length) return; // a text, for the field of the order
  event.preventDefault();
  take(pasted);
});
byId("drop").addEventListener("submit", (event) => event.preventDefault());
byId("choose-files").addEventListener("click", () => byId("files").click());
byId("choose-folder").addEventListener("click", () => byId("folder").click());
for (const id of ["files", "folder"]) {
  byId(id).addEventListener("change", (event) => {
    take(chosen(event.target.files));
    event.target.value = "";
  });
}
byId("again").addEventListener("click", again);
byId("pause").addEventListener("click", () => setPaused(!paused));
byId("cancel").addEventListener("click", () => {
  files.filter((each) => each.state === "waiting" || each.state === "sending").forEach(cancel);
  paused = false;
  draw();
});
addEventListener("beforeunload", (event) => { if (unfinished()) event.preventDefault(); });
ask("/api/v1/orders").then(
  ({ orders }) => byId("known-orders").append(...orders.filter((each) => each.name).map((each) => element("option", { value: each.name }))),
  () => {},
);

// Takes photos and folders that are dragged onto the page, and brings them to an order. What was not sent can be sent again.
import { ask, refusal, Refusal } from "./api.js";
import { byId, element, message } from "./base.js";
import { connection } from "./base.js";
import { _, figure, ngettext } from "./texts.js";

const AT_ONCE = 2;
const TRIES = 6;
const IGNORED = /^(\.|~)|^(thumbs\.db|desktop\.ini)$/i;

const files = []; // {file, folder, state: waiting | sending | done | bad, line}
let running = 0;

// ---- what is dropped ----

// All files of a drop, with the folder that each lies in.
async function dropped(items) {
  const entries = [...items].map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile()).filter(Boolean);
  const found = [];
  for (const entry of entries) await walk(entry, "", found);
  return found;
}

async function walk(entry, folder, found) {
  if (entry instanceof File) found.push({ file: entry, folder });
  else if (entry.isFile) found.push({ file: await new Promise((yes, no) => entry.file(yes, no)), folder });
  else {
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((yes, no) => reader.readEntries(yes, no)); // a hundred at a time
      if (!some.length) return;
      for (const each of some) await walk(each, folder ? `${folder}/${entry.name}` : entry.name, found);
    }
  }
}

function take(found) {
  const order = byId("order").value.trim();
  for (const { file, folder } of found) {
    if (IGNORED.test(file.name)) continue;
    const to = order || folder.split("/")[0];
    if (files.some((each) => each.state !== "bad" && same(each, file, to))) continue;
    const line = element("li", {}, element("span", { className: "label", textContent: to ? `${to} / ${file.name}` : file.name }), element("span", { className: "state" }), element("progress", { max: 1, value: 0, "aria-label": file.name }));
    files.push({ file, order: to, state: "waiting", line, tries: 0 });
    byId("uploads").append(line);
  }
  byId("uploads-section").hidden = files.length === 0;
  draw();
  start();
}

const same = (each, file, order) => each.order === order && each.file.name === file.name && each.file.size === file.size && each.file.lastModified === file.lastModified;

// ---- sending ----

function start() {
  while (running < AT_ONCE) {
    const next = files.find((each) => each.state === "waiting");
    if (!next) break;
    send(next);
  }
}

async function send(each) {
  running += 1;
  each.state = "sending";
  draw();
  try {
    const answer = await upload(each);
    connection("upload", null);
    each.state = "done";
    each.job = answer?.id ?? answer?.job?.id;
    say(each, _("arrived"), "well");
  } catch (problem) {
    each.tries += 1;
    if (problem.passing && each.tries < TRIES) {
      if (problem.status === 0) connection("upload", 0);
      say(each, _("waits to be sent again"), "");
      await new Promise((resolve) => setTimeout(resolve, 1000 * (problem.retryAfter || 2 ** each.tries)));
      each.state = "waiting";
    } else {
      connection("upload", null);
      each.state = "bad";
      say(each, problem.message, "bad");
    }
  }
  running -= 1;
  draw();
  start();
}

// The same file has the same key, so that one that had arrived is not taken in twice.
async function keyOf({ file, order }) {
  const text = new TextEncoder().encode([order, file.name, file.size, file.lastModified, session].join("\0"));
  if (!crypto.subtle) return [order, file.name, file.size, file.lastModified, session].map(encodeURIComponent).join(":").slice(-200);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", text));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
const session = sessionStorage.getItem("drop") ?? String(crypto.getRandomValues(new Uint32Array(2)).join(""));
try {
  sessionStorage.setItem("drop", session);
} catch {
  // Then a reload begins anew.
}

async function upload(each) {
  const key = await keyOf(each);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch tells no progress of what it sends
    request.open("POST", `/api/v1/photos?${new URLSearchParams({ name: each.file.name, order: each.order })}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("Idempotency-Key", key);
    request.upload.onprogress = (event) => {
      each.line.querySelector("progress").value = event.loaded / Math.max(1, event.total);
    };
    request.onload = async () => {
      const answer = new Response(request.responseText || null, { status: request.status, headers: { "Retry-After": request.getResponseHeader("Retry-After") ?? "" } });
      if (answer.ok) resolve(await answer.json().catch(() => null));
      else reject(await refusal(answer));
    };
    request.onerror = () => reject(new Refusal(0));
    request.send(each.file);
  });
}

function say(each, text, kind) {
  each.line.className = kind;
  each.line.querySelector(".state").textContent = text;
  if (kind) each.line.querySelector("progress").remove();
}

function draw() {
  const count = (state) => files.filter((each) => each.state === state).length;
  const done = count("done");
  const bad = count("bad");
  const words = [_("%(n)s of %(sum)s photos have arrived.", { n: figure(done), sum: figure(files.length) })];
  if (bad) words.push(ngettext("One could not be taken.", "%(num)s could not be taken.", bad));
  byId("sum").textContent = words.join(" ");
  byId("whole").max = Math.max(1, files.length);
  byId("whole").value = done;
  byId("again").hidden = !bad;
}

function again() {
  for (const each of files.filter((one) => one.state === "bad")) {
    Object.assign(each, { state: "waiting", tries: 0 });
    say(each, "", "");
    each.line.append(element("progress", { max: 1, value: 0, "aria-label": each.file.name }));
  }
  draw();
  start();
}

const zone = byId("zone");
for (const kind of ["dragenter", "dragover"]) document.addEventListener(kind, (event) => { event.preventDefault(); zone.classList.add("over"); });
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) zone.classList.remove("over"); });
document.addEventListener("drop", async (event) => {
  event.preventDefault();
  zone.classList.remove("over");
  try {
    take(await dropped(event.dataTransfer.items));
  } catch {
    message(_("What was dropped cannot be read. Choose the files instead."), { bad: true });
  }
});
byId("drop").addEventListener("submit", (event) => event.preventDefault());
byId("choose-files").addEventListener("click", () => byId("files").click());
byId("choose-folder").addEventListener("click", () => byId("folder").click());
for (const id of ["files", "folder"]) {
  byId(id).addEventListener("change", (event) => {
    take([...event.target.files].map((file) => ({ file, folder: file.webkitRelativePath.split("/").slice(0, -1).join("/") })));
    event.target.value = "";
  });
}
byId("again").addEventListener("click", again);
addEventListener("beforeunload", (event) => { if (running) event.preventDefault(); });
ask("/api/v1/orders").then(
  ({ orders }) => byId("known-orders").append(...orders.filter((each) => each.name).map((each) => element("option", { value: each.name }))),
  () => {},
);

// The photos of an order that have failed: why, and another try.
import { ask, jobPath } from "./api.js";
import { byId, decides, element, fill, message } from "./base.js";
import { inWords } from "./reasons.js";
import { _, ngettext, shortName } from "./texts.js";

const PAGE = 50;

// Opens the list. Raises Refusal.
export async function showFailed(order, name) {
  const dialog = byId("sheet");
  const list = element("ul", { className: "failed-list" });
  const more = element("button", { type: "button", textContent: _("More"), hidden: true });
  const all = element("button", { type: "button", textContent: _("Try all again"), hidden: true, onclick: () => tryAll() });
  const lines = []; // {job, button}, those that were not tried again yet
  let cursor = null;

  async function page() {
    const query = new URLSearchParams({ state: "failed", order, sort: "newest", limit: PAGE });
    if (cursor) query.set("cursor", cursor);
    const { jobs, next } = await ask(`/api/v1/jobs?${query}`);
    list.append(...jobs.map(one));
    cursor = next;
    more.hidden = !next;
    all.hidden = !decides || lines.length < 2;
  }

  function one(job) {
    const words = job.findings.map(inWords).join(" ");
    const line = { job, button: null, why: element("span", { className: "why", role: "status", textContent: words || _("Nobody said why.") }) };
    if (decides) {
      const label = _("Try %(name)s again", { name: shortName(job) });
      line.button = element("button", { type: "button", textContent: _("Try again"), "aria-label": label, onclick: () => tryAgain(line) });
      lines.push(line);
    }
    return element("li", {},
      element("span", { className: "label", textContent: shortName(job), title: job.name }),
      line.why, line.button);
  }

  // A refusal is shown beside the photo: a message would lie behind this list.
  async function tryAgain(line) {
    const { job, button, why } = line;
    button.disabled = true;
    try {
      await ask(jobPath(job.id, "/retry"), { method: "POST", body: {}, headers: { "If-Match": `"${job.version}"` } });
    } catch (refusal) {
      button.disabled = false;
      why.textContent = refusal.message;
      why.classList.add("bad");
      return;
    }
    lines.splice(lines.indexOf(line), 1);
    button.remove();
    why.textContent = _("is tried again");
    why.classList.remove("bad");
    all.hidden = lines.length < 2;
  }

  async function tryAll() {
    all.disabled = true;
    for (const line of [...lines]) await tryAgain(line);
    all.disabled = false;
  }

  more.addEventListener("click", () => page().catch((refusal) => message(refusal.message, { bad: true })));
  await page();
  fill(
    dialog,
    element("div", { className: "dialog-head" },
      element("h2", { id: "sheet-title", textContent: _("Failed: %(order)s", { order: name }) }),
      element("span", { className: "row" }, all, element("button", { type: "button", textContent: _("Close"), onclick: () => dialog.close() }))),
    list, more,
  );
  dialog.showModal();
}

// Cancels all photos of an order that wait; each of them can be tried again, and one click takes it all back.
export async function cancelWaiting(order, changed) {
  const deeds = [];
  try {
    for (;;) {
      const { jobs } = await ask(`/api/v1/jobs?${new URLSearchParams({ state: "waiting", order, sort: "newest", limit: PAGE })}`);
      const before = deeds.length;
      for (const job of jobs) {
        try {
          deeds.push((await ask(jobPath(job.id, "/cancel"), { method: "POST", body: {} })).deed);
        } catch (refusal) {
          if (refusal.status !== 409) throw refusal; // its turn came meanwhile
        }
      }
      if (deeds.length === before) break;
    }
  } catch (refusal) {
    message(refusal.message, { bad: true });
  }
  if (deeds.length) {
    const undo = { label: _("Undo"), run: () => takeBack(deeds, changed) };
    message(ngettext("One photo is cancelled and lies in failed/.", "%(num)s photos are cancelled and lie in failed/.", deeds.length), { act: undo, seconds: 20 });
  }
  changed();
}

async function takeBack(deeds, changed) {
  let refused = null;
  for (const deed of deeds.reverse()) { // one that somebody tried again meanwhile holds up none of the others
    await ask(`/api/v1/deeds/${deed}/undo`, { method: "POST", body: {} }).catch((refusal) => { refused = refusal; });
  }
  if (refused) message(refused.message, { bad: true });
  changed();
}

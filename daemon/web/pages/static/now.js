// What runs at this moment, and what happened last.
import { ask, jobPath } from "./api.js";
import { byId, element, fill, message } from "./base.js";
import { calmly, hear } from "./live.js";
import { _, clock, figure, gradeName, ngettext, span } from "./texts.js";

const LINES = 40;
const names = new Map(); // job ids: what their photos are called

const STAGES = {
  decode: () => _("is read"), proxy: () => _("is read"), infer: () => _("is cut out"), search: () => _("is finished and judged"),
  judge: () => _("is judged"), write: () => _("is written"), publish: () => _("is put in place"),
};

async function load() {
  try {
    draw(await ask("/api/v1/status"));
  } catch (refusal) {
    if (!refusal.passing) message(refusal.message, { bad: true });
  }
}

function draw(status) {
  const running = status.running ?? [];
  for (const each of running) names.set(each.job, each.name);
  fill(
    byId("running"),
    running.length
      ? table(
        [_("Photo"), _("It …"), _("Attempts"), _("For")],
        running.map((each) => [names.get(each.job) ?? each.job, (STAGES[each.stage] ?? (() => each.stage))(), figure(each.attempts ?? 0), span(each.seconds)]),
        2,
      )
      : element("p", { className: "empty", textContent: _("Nothing is in work.") }),
  );
  const servers = status.servers ?? [];
  fill(
    byId("engines"),
    table(
      [_("Engine"), _("State"), _("In hand"), _("Set aside")],
      servers.map((each) => [each.server, each.up ? _("ready") : _("away"), figure(each.in_hand ?? 0), (each.paused ?? []).join(", ") || "–"]),
      2,
    ),
  );
  const away = servers.filter((each) => !each.up);
  const troubles = (status.troubles ?? []).map((each) => each.reason);
  if (status.paused_at) troubles.unshift(_("Somebody paused the work. `freisteller resume` lets it go on."));
  if (servers.length && away.length === servers.length) troubles.push(_("No engine answers. Photos wait, and none is lost."));
  else if (away.length) troubles.push(ngettext("One engine does not answer; the others go on.", "%(num)s engines do not answer; the others go on.", away.length));
  const unique = [...new Set(troubles.filter(Boolean))];
  fill(byId("outages"), ...(unique.length ? unique.map((text) => element("p", { textContent: text })) : [element("p", { className: "well", textContent: _("All is well.") })]));
}

function table(heads, rows, numbersFrom) {
  const cell = (tag, n, text) => element(tag, { textContent: text, className: n >= numbersFrom ? "number" : "", ...(tag === "th" ? { scope: "col" } : {}) });
  return element("table", { className: "table" },
    element("thead", {}, element("tr", {}, ...heads.map((text, n) => cell("th", n, text)))),
    element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map((text, n) => cell("td", n, text))))));
}

async function nameOf(job) {
  if (names.has(job)) return names.get(job);
  try {
    names.set(job, (await ask(jobPath(job))).name);
  } catch {
    return job;
  }
  return names.get(job);
}

const WORDS = {
  admitted: () => _("came in"), started: () => _("is in work"), done: ({ grade }) => _("is done: %(grade)s", { grade: gradeName(grade) }),
  failed: () => _("failed"), verdict: ({ grade }) => _("somebody decided: %(grade)s", { grade: gradeName(grade) }), moved: () => _("was moved"),
  removed: () => _("was removed"), deed: () => _("somebody did something"),
};

async function heard(kind, data) {
  soon();
  const name = await nameOf(data.job);
  const list = byId("happened");
  list.prepend(element("li", {}, element("time", { textContent: clock(data.at) }), element("span", { textContent: `${name} ${WORDS[kind](data)}` })));
  while (list.children.length > LINES) list.lastChild.remove();
}

const soon = calmly(load, 0.5);
load();
hear(heard, load);
setInterval(() => { if (!document.hidden) load(); }, 5000);

// What runs at this moment, and what happened last.
import { ask } from "./api.js";
import { byId, element, fill, message } from "./base.js";
import { addHappened, loadHappened } from "./happened.js";
import { calmly, hear } from "./live.js";
import { inPlainWords } from "./problems.js";
import { _, clock, day, figure, ngettext, span } from "./texts.js";

const LOCAL = "local"; // the built-in engine: while it is up, it names its models, and no trouble

const STAGES = {
  reading: () => _("is read"), preparing: () => _("is made small for the engine"), engine: () => _("is cut out"), judging: () => _("is judged"),
  refining: () => _("is refined"), writing: () => _("is written"), publishing: () => _("is put in place"), finishing: () => _("is put in place"),
};

async function load() {
  await tried(async () => draw(await ask("/api/v1/status")));
}

async function tried(act) {
  try {
    await act();
  } catch (refusal) {
    if (!refusal.passing) message(refusal.message, { bad: true });
  }
}

function draw({ running, servers, obstacles, troubles }) {
  fill(
    byId("running"),
    running.length
      ? table(
        [_("Photo"), _("It …"), _("Attempts"), _("For")],
        running.map((each) => [each.name, (STAGES[each.stage] ?? (() => each.stage))(), figure(each.attempts), span(each.seconds)]),
        2,
      )
      : element("p", { className: "empty", textContent: _("Nothing is in work.") }),
  );
  fill(
    byId("engines"),
    table(
      [_("Engine"), _("State"), _("In hand"), _("Set aside")],
      servers.map((each) => [each.server, each.up ? _("ready") : _("away"), figure(each.in_hand), each.paused.join(", ") || "–"]),
      2,
    ),
  );
  const lines = [...obstacles.map(told), ...besides(obstacles, servers, troubles)];
  fill(byId("outages"), ...(lines.length ? lines.map((text) => element("p", { textContent: text })) : [element("p", { className: "well", textContent: _("All is well.") })]));
}

const PARTS = {
  recovery: () => _("The start"), watcher: () => _("The look at the inbox"), dispatcher: () => _("The sharing out of work"),
  cluster: () => _("The cluster"),
};
const OF_ENGINES = ["no_engine", "engine_refuses", "model_paused"];

// One thing that keeps photos from being done, as the daemon judges it: why, what to do, since when, until when.
function told({ name, failure, remedy, since, until }) {
  const said = [inPlainWords(failure), inPlainWords(remedy)];
  if (name === "no_engine") said.unshift(_("No engine answers. Photos wait, and none is lost."));
  if (since) said.push(_("Since %(time)s.", { time: day(since) }));
  if (until) said.push(_("Next try at %(time)s.", { time: clock(until) }));
  return said.map((text) => (/[.!?]$/.test(text) ? text : `${text}.`)).join(" ");
}

// What is worth knowing besides, each in a sentence: servers that are away while others go on, and parts of the daemon that hang.
function besides(obstacles, servers, troubles) {
  const found = [];
  if (!obstacles.some(({ name }) => OF_ENGINES.includes(name))) {
    const away = servers.filter((each) => !each.up).length;
    if (away) found.push(ngettext("One engine does not answer; the others go on.", "%(num)s engines do not answer; the others go on.", away));
    for (const { server, failure, up } of servers) {
      if (failure && !(up && server === LOCAL)) found.push(failure.text.startsWith(server) ? inPlainWords(failure) : _("%(part)s: %(detail)s", { part: server, detail: inPlainWords(failure) }));
    }
  }
  for (const { part, failure } of troubles) {
    if (part in PARTS) found.push(_("%(part)s: %(detail)s", { part: PARTS[part](), detail: failure ? inPlainWords(failure) : _("not ready") }));
  }
  return found;
}

function table(heads, rows, numbersFrom) {
  const cell = (tag, n, text) => element(tag, { textContent: text, className: n >= numbersFrom ? "number" : "", ...(tag === "th" ? { scope: "col" } : {}) });
  return element("table", { className: "table" },
    element("thead", {}, element("tr", {}, ...heads.map((text, n) => cell("th", n, text)))),
    element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map((text, n) => cell("td", n, text))))));
}

const soon = calmly(load, 0.5);
const anew = () => Promise.all([load(), tried(loadHappened)]);
anew();
hear((kind, data) => {
  soon();
  addHappened(kind, data);
}, anew);
setInterval(() => { if (!document.hidden) load(); }, 5000);

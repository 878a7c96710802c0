// What runs at this moment, and what happened last.
import { ask } from "./api.js";
import { byId, element, fill, message } from "./base.js";
import { addHappened, loadHappened } from "./happened.js";
import { calmly, hear } from "./live.js";
import { inPlainWords } from "./problems.js";
import { _, day, figure, ngettext, span } from "./texts.js";

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

function draw({ running, servers, troubles, paused_at: pausedAt }) {
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
  const lines = sentences(servers, troubles, pausedAt);
  fill(byId("outages"), ...(lines.length ? lines.map((text) => element("p", { textContent: text })) : [element("p", { className: "well", textContent: _("All is well.") })]));
}

const PARTS = {
  root: () => _("The hot folder"), recovery: () => _("The start"), journal: () => _("The journal"), engine: () => _("Engines"),
  watcher: () => _("The look at the inbox"), dispatcher: () => _("The sharing out of work"),
};

// Why something does not go on, each in a sentence.
function sentences(servers, troubles, pausedAt) {
  const found = [];
  if (pausedAt) found.push(_("Paused by a person since %(time)s. Photos wait until somebody types: freisteller resume", { time: day(pausedAt) }));
  const away = servers.filter((each) => !each.up).length;
  if (servers.length && away === servers.length) found.push(_("No engine answers. Photos wait, and none is lost."));
  else if (away) found.push(ngettext("One engine does not answer; the others go on.", "%(num)s engines do not answer; the others go on.", away));
  for (const { server, failure, up } of servers) {
    if (failure && !(up && server === LOCAL)) found.push(failure.text.startsWith(server) ? inPlainWords(failure) : _("%(part)s: %(detail)s", { part: server, detail: inPlainWords(failure) }));
  }
  for (const { part, failure } of troubles) {
    if (part === "engine" && servers.length) continue; // said above
    const detail = failure ? inPlainWords(failure) : _("not ready");
    found.push(_("%(part)s: %(detail)s", { part: (PARTS[part] ?? (() => part))(), detail }));
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

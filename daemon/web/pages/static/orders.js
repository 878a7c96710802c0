// The orders: how far each one is, what it waits for, and the way to its review.
import { ask } from "./api.js";
import { byId, element, fill, message } from "./base.js";
import { showSheet } from "./contact_sheet.js";
import { cancelWaiting, showFailed } from "./failed_photos.js";
import { calmly, hear } from "./live.js";
import { _, figure, gradeName, ngettext, span } from "./texts.js";

const operates = ["operator", "admin"].includes(document.documentElement.dataset.role);
const GRADES = ["sehr_gut", "gut", "ungenügend"];
const PRIORITIES = [[10, () => _("first")], [0, () => _("as usual")], [-10, () => _("last")]];

async function load() {
  try {
    const { orders } = await ask("/api/v1/orders");
    draw(orders);
  } catch (refusal) {
    if (!refusal.passing) message(refusal.message, { bad: true, act: { label: _("Try again"), run: load } });
  }
}

function draw(orders) {
  const list = byId("orders");
  if (list.contains(document.activeElement) && document.activeElement.tagName === "SELECT") return; // somebody chooses
  const named = [...orders].sort((a, b) => Number(!a.name) - Number(!b.name) || b.undecided - a.undecided || a.name.localeCompare(b.name));
  const focused = document.activeElement?.dataset?.key;
  fill(list, ...named.map(one));
  list.setAttribute("aria-busy", "false");
  if (!named.length) fill(list, element("p", { className: "empty", textContent: _("There is no photo yet. Drop some into the inbox, or onto the page “Drop”.") }));
  if (focused) list.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

function one(order) {
  const over = order.done + order.failed;
  const sum = over + order.waiting + order.running;
  const name = order.name || _("Without an order");
  const id = `order-${order.name}`;
  const left = order.waiting + order.running === 0 ? _("finished") : order.seconds_left === null || order.seconds_left === undefined
    ? ngettext("one photo to go", "%(num)s photos to go", order.waiting + order.running)
    : _("about %(time)s left", { time: span(order.seconds_left) });
  return element(
    "article", { className: "order", "aria-labelledby": id },
    element("div", { className: "order-head" },
      element("h2", { id, textContent: name }),
      element("span", { className: "soft", textContent: _("%(n)s of %(sum)s photos", { n: figure(over), sum: figure(sum) }) }),
      element("span", { className: "left", textContent: left })),
    element("progress", { max: Math.max(1, sum), value: over, "aria-label": _("Progress of %(order)s", { order: name }) }),
    element("div", { className: "grades" },
      ...GRADES.filter((grade) => order.grades?.[grade]).map((grade) => badge(grade, order.grades[grade])),
      order.failed ? badge("failed", order.failed) : null,
      order.waiting ? element("span", { className: "grade", textContent: ngettext("one waits", "%(num)s wait", order.waiting) }) : null,
      order.running ? element("span", { className: "grade", textContent: ngettext("one in work", "%(num)s in work", order.running) }) : null),
    element("div", { className: "acts" },
      order.undecided
        ? element("a", { className: "button primary", "data-key": `review ${order.name}`, href: `/review?order=${encodeURIComponent(order.name)}`, textContent: ngettext("Review one photo", "Review %(num)s photos", order.undecided) })
        : order.done ? element("span", { className: "soft", textContent: _("Nothing left to decide") }) : null,
      order.done ? element("button", { type: "button", "data-key": `sheet ${order.name}`, textContent: _("Contact sheet"), onclick: () => opened(showSheet, order.name, name) }) : null,
      order.done ? element("a", { className: "button", "data-key": `download ${order.name}`, href: `/api/v1/results.zip?order=${encodeURIComponent(order.name)}`, textContent: _("Download") }) : null,
      order.failed ? element("button", { type: "button", "data-key": `failed ${order.name}`, textContent: ngettext("Why one failed", "Why %(num)s failed", order.failed), onclick: () => opened(showFailed, order.name, name) }) : null,
      operates && order.waiting ? element("button", { type: "button", "data-key": `cancel ${order.name}`, textContent: ngettext("Cancel the one that waits", "Cancel the %(num)s that wait", order.waiting), onclick: () => cancelWaiting(order.name, load) }) : null,
      operates && order.waiting ? priority(order) : null),
  );
}

const badge = (grade, count) => element("span", { className: "grade", "data-grade": grade, textContent: `${figure(count)} ${gradeName(grade)}` });

async function opened(show, order, name) {
  const { key } = document.activeElement?.dataset ?? {};
  try {
    await show(order, name);
    byId("sheet").onclose = () => key && byId("orders").querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus(); // the list was drawn anew meanwhile
  } catch (refusal) {
    message(refusal.message, { bad: true });
  }
}

function priority(order) {
  const values = PRIORITIES.some(([value]) => value === order.priority) ? PRIORITIES : [[order.priority, () => figure(order.priority)], ...PRIORITIES];
  const select = element("select", { "data-key": `priority ${order.name}`, onchange: change }, ...values.map(([value, label]) => element("option", { value: String(value), textContent: label() })));
  select.value = String(order.priority ?? 0);
  async function change() {
    try {
      await ask(`/api/v1/orders/${encodeURIComponent(order.name)}/priority`, { method: "POST", body: { priority: Number(select.value) } });
      message(_("%(order)s comes %(when)s now.", { order: order.name || _("Without an order"), when: select.selectedOptions[0].textContent }));
    } catch (refusal) {
      message(refusal.message, { bad: true });
    }
    select.blur();
    load();
  }
  return element("label", {}, _("Comes"), select);
}

const soon = calmly(load, 1);
load();
const asked = new URLSearchParams(location.search).get("failed"); // by a link of the page “Now”
if (asked !== null) opened(showFailed, asked, asked || _("Without an order"));
hear(soon, load);
setInterval(() => { if (!document.hidden) load(); }, 15000);

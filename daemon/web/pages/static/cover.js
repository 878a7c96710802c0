// What stands in the picture's place: nothing to decide, the end, or a picture that is not there.
import { byId, element, fill } from "./dom.js";
import { keySign } from "./keys.js";
import { _, ngettext } from "./texts.js";

// entry: that is shown, null = none. isOver: there is none after the last one. undo: null = there is nothing to take back.
export function drawCover(entry, { queue, isOver, filter, order, undo, show }) {
  const cover = byId("cover");
  const missing = entry && !entry.job.pictures;
  cover.hidden = !(isOver || missing);
  if (cover.hidden) return;
  if (!isOver) {
    fill(cover, element("p", { textContent: _("This photo has no picture to show: it is tried again, or its files were moved away.") }));
    return;
  }
  const empty = !queue.entries.length;
  const left = queue.entries.filter((each) => !each.mark).length;
  const link = (textContent, href) => element("a", { className: "button", href, textContent });
  const drop = document.querySelector("nav a[href='/drop']"); // who may send photos
  const buttons = [
    undo ? element("button", { type: "button", onclick: undo }, _("Undo"), " ", keySign("undo")) : null,
    left ? element("button", { type: "button", className: "primary", textContent: _("To those that are left"), onclick: () => show(queue.undecidedAfter(-1)) }) : null,
    filter.grade ? element("button", { type: "button", onclick: filter.all, textContent: _("Show all grades") }) : null,
    empty ? null : link(_("Look for more"), location.pathname + location.search),
    empty && order !== null ? link(_("Review all orders"), "/review") : null,
    link(_("Orders"), "/orders"),
    empty && drop ? link(_("Drop photos"), "/drop") : null,
  ];
  const nothing = order && !filter.grade ? _("Nothing to decide in the order “%(order)s”.", { order }) : filter.nothing;
  const done = left
    ? ngettext("The end. One photo is left that nobody decided.", "The end. %(num)s photos are left that nobody decided.", left)
    : ngettext("Done: one photo decided.", "Done: all %(num)s photos decided.", queue.entries.length);
  const words = empty ? nothing : done;
  if (cover.querySelector("h2")?.textContent === words && cover.querySelectorAll("button, a").length === buttons.filter(Boolean).length) return;
  fill(cover, element("h2", { textContent: words }), element("p", { className: "row" }, ...buttons));
}

// The contact sheet of an order: all its results at a glance.
import { ask } from "./api.js";
import { byId, element, fill, message } from "./base.js";
import { thumbnail } from "./strip.js";
import { _, gradeName, shortName } from "./texts.js";

const PAGE = 60;
const RANK = 10;

// Opens it. Raises Refusal.
export async function showSheet(order, name) {
  const dialog = byId("sheet");
  const grid = element("div", { className: "contact-grid" });
  const more = element("button", { type: "button", textContent: _("More"), hidden: true });
  let cursor = null;

  async function page() {
    const query = new URLSearchParams({ state: "done", order, sort: "oldest", limit: PAGE });
    if (cursor) query.set("cursor", cursor);
    const { jobs, next } = await ask(`/api/v1/jobs?${query}`);
    grid.append(...jobs.map((job) =>
      element("a", { href: `/review?${new URLSearchParams({ order, sort: "oldest", all: "yes", job: job.id })}` }, thumbnail(job, RANK),
        element("span", { className: "label", title: job.name, textContent: shortName(job) }),
        element("span", { className: "grade", "data-grade": job.decided?.grade ?? job.grade ?? "", textContent: gradeName(job.decided?.grade ?? job.grade) }))));
    cursor = next;
    more.hidden = !next;
  }

  more.addEventListener("click", () => page().catch((refusal) => message(refusal.message, { bad: true })));
  await page();
  fill(
    dialog,
    element("div", { className: "dialog-head" },
      element("h2", { id: "sheet-title", textContent: name }),
      element("button", { type: "button", textContent: _("Close"), onclick: () => dialog.close() })),
    grid, more,
  );
  dialog.showModal();
}

// Shows one grade only. The address keeps it, so that it may be sent to somebody, or kept as a bookmark.
import { byId } from "./dom.js";
import { _, gradeName } from "./texts.js";

const NEXT = { all: "ungenügend", ungenügend: "gut", gut: "sehr_gut", sehr_gut: "all" };

// query: of the address. Returns {grade: null = all, nothing: what to say if there is none of it, next(): goes on to the
// next one, all(): shows all}.
export function filterByGrade(query) {
  const asked = query.get("grade");
  const grade = asked in NEXT && asked !== "all" ? asked : null;
  const go = (to) => {
    if (to === "all") query.delete("grade");
    else query.set("grade", to);
    location.search = String(query);
  };
  byId("only").value = grade ?? "all";
  byId("only").addEventListener("change", (event) => go(event.target.value));
  const sign = byId("filter");
  sign.hidden = grade === null;
  sign.textContent = `${_("only %(grade)s", { grade: gradeName(grade) })} ✕`;
  sign.setAttribute("aria-label", _("Only %(grade)s is shown. Show all grades", { grade: gradeName(grade) }));
  sign.addEventListener("click", () => go("all"));
  const nothing = grade
    ? _("No result graded “%(grade)s” is left to decide.", { grade: gradeName(grade) })
    : _("Nothing to decide. New results appear here by themselves.");
  return { grade, nothing, next: () => go(NEXT[grade ?? "all"]), all: () => go("all") };
}

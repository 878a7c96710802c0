// Has pictures come before somebody looks at them.
import { has, part } from "./pixels.js";
import { looksAtOriginals, looksClosely } from "./view.js";

const AHEAD = 3;
const BEHIND = 2;

// Fetches what is looked at now, then what likely comes next: of the next page, the next photos, the ones before.
export function prefetch(queue, pages) {
  const { entries, at } = queue;
  const next = [];
  for (let n = at + 1; n < entries.length && next.length < AHEAD; n += 1) if (!entries[n].mark) next.push(entries[n].job);
  const behind = entries.slice(Math.max(0, at - BEHIND), at).reverse();
  const [seen, after] = [pages.of(queue.current), pages.after(queue.current)];
  want(seen, "result", 0);
  if (after) want(after, "result", 2);
  next.forEach((job, n) => want(job, "result", 2 + n));
  behind.forEach(({ job }, n) => want(job, "result", 6 + n));
  if (!looksAtOriginals()) return; // the daemon would build them for nothing
  want(seen, "original", 5);
  next.forEach((job, n) => want(job, "original", 8 + n));
}

// Has the daemon build what is seen at 100 %: of this photo, and for those who zoom in also of the next ones.
export function buildAhead(queue, pages) {
  if (document.hidden || !queue.current) return;
  const left = queue.entries.filter((entry, n) => n > queue.at && !entry.mark).map(({ job }) => job);
  for (const job of [pages.of(queue.current), ...(looksClosely() ? left.slice(0, AHEAD) : [])]) {
    for (const layer of looksAtOriginals() ? ["colour", "original"] : ["colour"]) {
      const { url } = job.pictures?.[layer] ?? {};
      if (url) fetch(`${url}ahead`, { priority: "low" }).catch(() => {}); // it is built when somebody looks
    }
  }
}

function want(job, layer, rank) {
  if (job.pictures && has(job.pictures, layer)) part(job.pictures, layer, "fit", rank).catch(() => {});
}

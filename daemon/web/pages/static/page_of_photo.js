// One page of a photo that has several, as the pages show it.
import { _, shortName } from "./texts.js";

const ATTEMPTS_PER_PAGE = 100; // those at the second page are numbered from 101

export const hasPages = (job) => job?.page_count > 1;

// The photo with what is told of one page, in the place of what is told of its worst one; and with the attempts at it
// alone. job: with its pages, as the address of one photo gives it. A photo of one page stays as it is.
export function ofPage(job, number) {
  const page = hasPages(job) && job.pages?.find((each) => each.page === number);
  return page ? { ...job, ...page, tries: job.tries?.filter((each) => each.page === number) } : job;
}

// The name of a photo without its folders; with the page that is looked at, if there are several.
export const pageName = (job) =>
  hasPages(job) ? _("%(name)s, page %(n)s", { name: shortName(job), n: job.page }) : shortName(job);

// The number of an attempt among those at its page.
export const numberOnPage = (number) => ((number - 1) % ATTEMPTS_PER_PAGE) + 1;

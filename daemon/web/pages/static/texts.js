// Texts in the language of the page. The sources are English; Python and the scripts share one catalogue (texts/*.po).
export const language = document.documentElement.lang || "en";
const catalogue = (await import(`./texts.${language}.js`)).default;

const filled = (text, values) => text.replace(/%\((\w+)\)s/g, (whole, name) => (name in values ? String(values[name]) : whole));

// A text, with values for its %(names)s.
export function _(text, values = {}) {
  return filled(catalogue[text] ?? text, values);
}

// One of two texts, for one and for another number of things; %(num)s is the number.
export function ngettext(one, many, number, values = {}) {
  const forms = catalogue[one] ?? [one, many];
  return filled(number === 1 ? forms[0] : forms[1], { num: figure(number), ...values });
}

const figures = new Intl.NumberFormat(language);
export const figure = (number, options) => (options ? new Intl.NumberFormat(language, options) : figures).format(number);

export const clock = (seconds) =>
  new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(new Date(seconds * 1000));

export const day = (seconds) =>
  new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(new Date(seconds * 1000));

// How long, in words that need no second look: "12 s", "4 min", "2 h 10 min".
export function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return _("%(n)s s", { n: whole });
  const minutes = Math.round(whole / 60);
  if (minutes < 60) return _("%(n)s min", { n: minutes });
  return _("%(h)s h %(m)s min", { h: Math.floor(minutes / 60), m: minutes % 60 });
}

// The name of a photo without its folders.
export const shortName = (job) => job.name.slice(job.name.lastIndexOf("/") + 1);

export const gradeName = (grade) =>
  ({ sehr_gut: _("very good"), gut: _("good"), ungenügend: _("not good enough"), failed: _("failed") })[grade] ?? grade ?? _("no grade");

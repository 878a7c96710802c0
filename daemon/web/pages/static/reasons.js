// Reasons in the reader's language, made from their codes and values, and the places that they name.
import { inPlainWords } from "./problems.js";
import { reasons as TEXTS } from "./sentences.js";
import { _, figure } from "./texts.js";

const MIDDLES = {
  "upper left": [1 / 6, 1 / 6], top: [1 / 2, 1 / 6], "upper right": [5 / 6, 1 / 6],
  left: [1 / 6, 1 / 2], middle: [1 / 2, 1 / 2], right: [5 / 6, 1 / 2],
  "lower left": [1 / 6, 5 / 6], bottom: [1 / 2, 5 / 6], "lower right": [5 / 6, 5 / 6],
};

// A reason in words, with a capital letter. reason: {code, place, elsewhere, share, parts, pixels}, or {code: "", text} of one
// that was kept as text, with its failure if it is one.
export function inWords(reason) {
  const text = (reason.code ? translated(reason) : inPlainWords(reason.failure ?? reason)).replaceAll(" %", "\u00a0%"); // a figure and its sign stay on one line
  return reason.failure && beginsWithValue(text, reason.failure) ? text : text.charAt(0).toLocaleUpperCase() + text.slice(1);
}

// Whether a sentence begins with a value, which may be the name of a file.
function beginsWithValue(text, { values }) {
  return Object.values(values).some((value) => (typeof value === "object" ? beginsWithValue(text, value) : value !== "" && text.startsWith(value)));
}

function translated({ code, place = "", elsewhere = false, share = 0, parts = [], pixels = [] }) {
  const there = _(TEXTS.places[place] ?? place);
  const digits = TEXTS.wholePerCent.includes(code) ? 0 : 1;
  return _(TEXTS.sentences[code] ?? code, {
    place: elsewhere ? _(TEXTS.elsewhere, { place: there }) : there,
    share: figure(100 * share, { minimumFractionDigits: digits, maximumFractionDigits: digits }),
    parts: parts.map((part) => _(TEXTS.parts[part] ?? part)).join(", "),
    seen: pixels.length ? figure(pixels[0]) : "",
    pixels: pixels.length ? figure(pixels.at(-1)) : "",
  });
}

// The middle of the ninth of the picture that a reason names, also in the text of an earlier version, as shares of the
// picture's width and height; null if it names none.
export function middleNamedBy({ place, text = "" }) {
  const there = place ?? Object.keys(MIDDLES).find((each) => text.includes(` ${TEXTS.places[each]}, `) || text.includes(` ${TEXTS.places[each]} and `));
  if (!(there in MIDDLES)) return null;
  const [x, y] = MIDDLES[there];
  return { x, y };
}

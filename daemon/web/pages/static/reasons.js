// Reasons in the reader's language, and the places that they name. A sentence that is not known here is shown as it is.
import { inPlainWords } from "./problems.js";
import { _, figure } from "./texts.js";

const N_ = (text) => text; // marks a text for the catalogue

const PLACES = {
  "at the upper left": [N_("at the upper left"), 1 / 6, 1 / 6],
  "at the top": [N_("at the top"), 1 / 2, 1 / 6],
  "at the upper right": [N_("at the upper right"), 5 / 6, 1 / 6],
  "at the left": [N_("at the left"), 1 / 6, 1 / 2],
  "in the middle": [N_("in the middle"), 1 / 2, 1 / 2],
  "at the right": [N_("at the right"), 5 / 6, 1 / 2],
  "at the lower left": [N_("at the lower left"), 1 / 6, 5 / 6],
  "at the bottom": [N_("at the bottom"), 1 / 2, 5 / 6],
  "at the lower right": [N_("at the lower right"), 5 / 6, 5 / 6],
};

// Whole sentences, and beginnings of those that end with a place.
export const SENTENCES = [
  N_("remains of background"),
  N_("a stray part away from the subject"),
  N_("an opening inside the subject"),
  N_("part of the subject is half-transparent"),
  N_("it was unclear what belongs to the subject"),
  N_("nothing was kept: no subject found"),
  N_("nothing was removed: the whole picture was taken for the subject"),
  N_("clean edges"),
  N_("nothing left of the background"),
  N_("independent passes agree"),
  N_("a faint veil away from the subject"),
  N_("parts of the subject that were found only faintly"),
  N_("much depends on where the line between subject and background is drawn"),
  N_("the border was blurred in places"),
  N_("an outline that is fine or broken, where parts are easily missed"),
  N_("specks and small openings"),
  N_("it lies high in the picture, and what belongs to it below may be missing"),
  N_("it runs out of the picture above or at the sides, as background does"),
  N_("the subject is small in the picture"),
  N_("the shape is unusual and may be only a part of the subject"),
  N_("independent passes differ"),
  N_("subject and surroundings are alike in colour"),
  N_("only what stands out most may have been found"),
];
const KNOWN = new Set(SENTENCES);
const AT = new RegExp(`^(.+) (${Object.keys(PLACES).join("|")})( and elsewhere)?, ([\\d.]+) % of the picture$`);
const THERE = N_("%(what)s %(place)s, %(share)s % of the picture");
const THERE_AND_ELSEWHERE = N_("%(what)s %(place)s and elsewhere, %(share)s % of the picture");
const number = (text) => figure(Number(text), { maximumFractionDigits: 1 });

const PATTERNS = [
  [AT, ([, what, place, elsewhere, share]) =>
    _(elsewhere ? THERE_AND_ELSEWHERE : THERE, { what: _(what), place: _(PLACES[place][0]), share: number(share) })],
  [/^no single fault stands out; what weighs most: (.+)$/, ([, what]) =>
    _("no single fault stands out; what weighs most: %(what)s", { what: _(what) })],
  [/^the border is soft, about ([\d.]+) % of the picture's longest side wide$/, ([, share]) =>
    _("the border is soft, about %(share)s % of the picture's longest side wide", { share: number(share) })],
  [/^independent passes disagree about ([\d.]+) % of the subject$/, ([, share]) =>
    _("independent passes disagree about %(share)s % of the subject", { share: number(share) })],
  [/^the subject is small, ([\d.]+) % of the picture$/, ([, share]) =>
    _("the subject is small, %(share)s % of the picture", { share: number(share) })],
];

// A reason in words, with a capital letter.
export function inWords(reason) {
  const text = translated(reason).replaceAll(" %", "\u00a0%"); // a figure and its sign stay on one line
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}

function translated(reason) {
  if (KNOWN.has(reason)) return _(reason);
  for (const [pattern, words] of PATTERNS) {
    const found = pattern.exec(reason);
    if (found) return words(found);
  }
  const pieces = reason.split(", ");
  return pieces.every((piece) => KNOWN.has(piece)) ? pieces.map((piece) => _(piece)).join(", ") : inPlainWords(reason); // of a photo that failed
}

// The middle of the ninth of the picture that a reason names, as shares of its width and height; null if it names none.
export function middleNamedBy(reason) {
  const found = AT.exec(reason);
  if (!found) return null;
  const [, x, y] = PLACES[found[2]];
  return { x, y };
}

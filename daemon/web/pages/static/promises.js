// The two promises of a result in words and figures: how far the right things are kept, and how much of the border is right.
import { _, figure } from "./texts.js";

// Three decimals, cut off: 0.9296 must not look like 0.93. Two if they are exact; four, as a promise is kept, where three
// would look like another side of a limit. See promise_texts.py, which says the same on paper.
function shown(promise, limits) {
  for (const digits of [2, 3, 4]) {
    const said = Math.floor(promise * 10 ** digits + 1e-6) / 10 ** digits;
    const holds = digits > 2 && limits.every((limit) => said >= limit === promise >= limit);
    if (digits === 4 || holds || promise - said < 1e-6) return figure(said, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  }
}

// How a promise came about, a line for each kind of sign, in the order in which they lower it.
function howMade(made) {
  if (!made) return "";
  const amount = (value) => figure(value, { minimumFractionDigits: 3, maximumFractionDigits: 4, signDisplay: "exceptZero" });
  const lines = made.effects.map(({ text, effect }) => `${amount(effect)} ${_(text)}`);
  return [_("%(best)s at best", { best: figure(made.best, { minimumFractionDigits: 3, maximumFractionDigits: 4 }) }), ...lines].join("\n");
}

// job: a job, a page or an attempt. Each promise with its text, how it came about, and whether it made a grade that is
// not the best; the second is missing if nobody judged the border.
export function promisesOf(job) {
  const { score = null, rim = null, limits, graded_by: by, made_of: made, grade } = job ?? {};
  if (score === null) return [];
  const region = _("score %(score)s", { score: shown(score, limits ? [limits.sehr_gut, limits.gut] : []) });
  const decides = rim !== null && grade !== "sehr_gut" ? by : "";
  const ofRegion = { text: region, how: howMade(made?.score), made: decides === "score" };
  if (rim === null) return [ofRegion];
  const border = _("rim %(rim)s", { rim: shown(rim, limits ? [limits.rim_sehr_gut, limits.rim_gut] : []) });
  return [ofRegion, { text: border, how: howMade(made?.rim), made: decides === "rim" }];
}

// What people's verdicts did to the score, in words; "" if nothing. See correction_text in promise_texts.py.
export function correctionOf(job) {
  const { correction, limits } = job ?? {};
  if (!correction) return "";
  const before = shown(correction.score_before, limits ? [limits.sehr_gut, limits.gut] : []);
  const shift = figure(correction.shift, { minimumFractionDigits: 3, maximumFractionDigits: 3, signDisplay: "exceptZero" });
  return _("corrected from %(before)s by %(shift)s for %(n)s verdicts of people", { before, shift, n: String(correction.verdicts) });
}

// What the daemon says of failures, in the reader's language.
import { said as TEXTS } from "./sentences.js";
import { _, figure } from "./texts.js";

// failure: {code, values, text}; a value may be such an object too. One without a code is shown as its text.
export function inPlainWords({ code, values, text }) {
  if (!(code in TEXTS)) return text;
  return _(TEXTS[code], Object.fromEntries(Object.entries(values).map(([name, value]) => [name, shown(name, value)])));
}

function shown(name, value) {
  if (typeof value === "object") return inPlainWords(value);
  if (typeof value === "number") return figure(value, { useGrouping: false });
  return name === "state" ? _(value) : value;
}

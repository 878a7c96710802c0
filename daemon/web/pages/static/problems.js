// What the daemon says of failures, in the reader's language. A sentence that is not known here is shown as it is.
import { said as SAID } from "./sentences.js";
import { _ } from "./texts.js";

const VALUE = "(.+?)";
const VALUE_OF_ONE_SENTENCE = "((?:(?!\\. ).)+?)";
const whole = SAID.map((text) => [text, new RegExp(`^${escaped(text, VALUE)}$`, "s")]);
const first = SAID.filter((text) => text.endsWith(".")).map((text) => [text, new RegExp(`^${escaped(text, VALUE_OF_ONE_SENTENCE)}(?: |$)`, "s")]);

function escaped(text, value) {
  return text.split(/%\(\w+\)s/).map((piece) => piece.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join(value);
}

// A text in the reader's language: a sentence, or several that are known.
export function inPlainWords(said) {
  const found = match(whole, said);
  if (found) return found.words;
  const sentences = [];
  for (let rest = said; rest;) {
    const next = match(first, rest);
    if (!next) return said;
    sentences.push(next.words);
    rest = rest.slice(next.length);
  }
  return sentences.join(" ");
}

function match(patterns, said) {
  for (const [text, pattern] of patterns) {
    const found = pattern.exec(said);
    if (!found) continue;
    const names = [...text.matchAll(/%\((\w+)\)s/g)].map(([, name]) => name);
    return { words: _(text, Object.fromEntries(names.map((name, n) => [name, part(found[n + 1])]))), length: found[0].length };
  }
  return null;
}

// A value within a sentence may be a known one itself.
const part = (value) => match(whole, value)?.words ?? value;

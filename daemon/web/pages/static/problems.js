// What the daemon says of failures, in the reader's language. A sentence that is not known here is shown as it is.
import { _ } from "./texts.js";

const N_ = (text) => text; // marks a text for the catalogue

// Each stands for all sentences that have something in place of its %(names)s.
export const SAID = [
  // photos that failed
  N_("%(name)s is not a photo: its content is %(what)s. Export it as JPEG, PNG or TIFF and drop that."),
  N_("%(name)s has %(width)s x %(height)s pixels (%(megapixels)s megapixels), more than the %(most)s allowed. Make it smaller, or raise intake.max_megapixels."),
  N_("%(name)s is animated. Save the one picture you want as a still and drop that."),
  N_("%(name)s has channels or samples that make no photo. Save it as RGB, grey or CMYK of 8 or 16 bit."),
  N_("%(name)s cannot be decoded; it is damaged or cut off (%(detail)s). Save or copy it again."),
  N_("%(name)s cannot be read here: %(detail)s. Save it as an ordinary JPEG, PNG or TIFF and drop that."),
  N_("%(name)s is not whole: %(detail)s. Send it again."),
  N_("%(name)s went away while it was taken in. Send it again."),
  N_("The original of %(name)s is gone from .freisteller/work; somebody took it away."),
  N_("There is no foreground in this photo, or none within the region of interest."),
  N_("cancelled by %(who)s"),
  N_("cancelled"),
  N_("%(word)s (said by %(who)s)"),
  N_("%(name)s cannot be worked on: the process that did so was lost (%(detail)s). The file may be damaged in a way that crashes a library, or too large for this machine. Open it in an image editor, export it again and drop that."),
  // engines
  N_("%(server)s cannot be reached."),
  N_("%(server)s does not answer within %(seconds)s s, or not completely within %(whole)s s."),
  N_("%(server)s is away: the proxy before it answers %(path)s with status %(status)s."),
  N_("%(server)s is in trouble: it answers %(path)s with status %(status)s."),
  N_("%(server)s refuses access (%(status)s). Set or correct this server's token."),
  N_("%(server)s does not answer like ComfyUI (%(status)s for %(path)s). Correct its url in the settings."),
  N_("%(server)s does not list the model %(model)s in its node %(node)s. Update ComfyUI-RMBG there."),
  N_("%(server)s lacks something that %(model)s needs: %(detail)s"),
  N_("%(server)s is out of memory for %(model)s: %(detail)s"),
  N_("%(server)s cannot read the picture: %(detail)s"),
  N_("The certificate of %(server)s is not trusted. Set its ca_file."),
  N_("The url of %(server)s is not valid. Correct it in the settings."),
  N_("%(model)s failed on %(server)s: %(detail)s"),
  N_("The ComfyUI server went away %(n)s times while %(model)s worked on this photo, so the photo is not sent to it again. Look in the server's log; perhaps it ran out of memory."),
  N_("No ComfyUI server can take %(model)s now."),
  N_("No ComfyUI server can run %(model)s."),
  // folders and disks
  N_("%(folder)s was mounted and is gone. Mount it again; the work goes on."),
  N_("%(folder)s is not there. Bring it back; the work goes on by itself."),
  N_("%(folder)s is not a folder any more. Put the folder back; the work goes on by itself."),
  N_("%(folder)s is on another file system than before. Mount it as it was."),
  N_("The hot folder %(folder)s is read-only. Mount it for writing; the work then goes on."),
  N_("%(what)s: %(fault)s. Bring the disk or share back; the work goes on by itself."),
  N_("%(what)s: %(fault)s. Make room; the work goes on by itself."),
  N_("%(what)s: %(fault)s. Mount it for writing; the work goes on by itself."),
  N_("%(what)s: %(fault)s. Allow the daemon's user to read and write there; the work goes on by itself."),
  N_("%(what)s: %(fault)s. It is tried again."),
  N_("The journal %(path)s cannot be written (%(detail)s). Make room on the disk of the state directory; work then goes on by itself."),
  N_("has not reported yet"),
  // what people send
  N_("the photo is larger than the %(n)s MB that http.upload_mb allows"),
  N_("the request brings no photo, or an empty one"),
  N_("%(n)s photos are being sent now; try again soon"),
  N_("%(n)s uploads are open now; try again soon"),
  N_("Freisteller is starting or stopping. Send the photo again in a moment."),
  N_("The settings that came with the photo cannot be used: %(detail)s"),
  // what people decide
  N_("%(name)s is in work now. Decide when it is done."),
  N_("Nothing came of this, so there is nothing to take back."),
  N_("That was done again already."),
  N_("That was taken back already."),
  N_("%(name)s was changed by another deed since. Take that one back first."),
  N_("%(name)s got another grade since: somebody moved its files."),
  N_("%(name)s is tried again, or failed since: there is no result to grade."),
  N_("%(name)s has no result to grade: it is %(state)s."),
  N_("%(name)s is not there any more: somebody moved or deleted it."),
  N_("%(name)s is just being taken in. Try again in a moment."),
  N_("%(name)s is %(state)s, so it cannot be sent to failed/."),
  N_("%(name)s is %(state)s, so it cannot be cancelled."),
  N_("%(name)s is %(state)s: it is being tried already."),
  N_("%(name)s is being tried again by now."),
  N_("%(name)s is being tried by now."),
  N_("The original of %(name)s is not in %(folder)s/ any more."),
  N_("The result of %(name)s is made of attempt %(n)s already."),
  N_("%(name)s has several pages, each with its own attempts, so none can be taken."),
  N_("Attempt %(n)s of %(name)s cannot be taken any more: its alphas are older than journal.keep_alphas_days, or had to make room (journal.keep_alphas_mb). Try the photo again instead."),
  N_("Only an operator cancels a photo that waits."),
];

// What may stand within them.
export const PARTS = new Set([
  N_("a GIF"), N_("a PDF"), N_("a Photoshop file (PSD)"), N_("a ZIP archive"), N_("a JPEG XL file"), N_("a JPEG 2000 file"), N_("an SVG drawing"), N_("an XML text"),
  N_("a web page"), N_("an icon"), N_("a text"), N_("a video"), N_("of no kind known here"), N_("it is empty"),
  N_("the disk is full"), N_("the quota is used up"), N_("the file system is read-only"), N_("access is not allowed"), N_("the file system allows no file of this size"),
  N_("waiting"), N_("running"), N_("publishing"), N_("done"), N_("failed"),
]);

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
  return PARTS.has(said) ? { words: _(said), length: said.length } : null;
}

const part = (value) => (PARTS.has(value) ? _(value) : value);

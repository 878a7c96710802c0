// Which key does what, as each person sets it; and the page of keys.
import { byId, element, fill, remembered, takesText } from "./dom.js";
import { _ } from "./texts.js";

// Each act: its name, its words, its usual keys (as event.key gives them; "Ctrl+z" is also Cmd+z). mode: where the key means
// this before anything else; without one, it means it wherever the page can do it.
export const ACTS = [
  { act: "sehr_gut", label: () => _("Very good"), keys: ["1"] },
  { act: "gut", label: () => _("Good"), keys: ["2"] },
  { act: "ungenügend", label: () => _("Not good enough"), keys: ["3"] },
  { act: "retry", label: () => _("Try again"), keys: ["r"] },
  { act: "fail", label: () => _("To failed, with a word"), keys: ["f"] },
  { act: "undo", label: () => _("Undo"), keys: ["u", "Ctrl+z"] },
  { act: "redo", label: () => _("Redo"), keys: ["Shift+U", "Ctrl+Shift+Z"] },
  { act: "next", label: () => _("Next photo"), keys: ["ArrowRight", "ArrowDown"] },
  { act: "previous", label: () => _("Photo before"), keys: ["ArrowLeft", "ArrowUp"] },
  { act: "next-page", label: () => _("Next page"), keys: ["n", "PageDown"] },
  { act: "previous-page", label: () => _("Page before"), keys: ["Shift+N", "PageUp"] },
  { act: "first", label: () => _("First photo that nobody decided"), keys: ["Home"] },
  { act: "filter", label: () => _("Only one grade, the next one, all"), keys: ["v"] },
  { act: "zoom", label: () => _("100 % at the worst place, or at the pointer"), keys: ["z"] },
  { act: "place", label: () => _("Next place that a reason names"), keys: ["Tab"] },
  { act: "larger", label: () => _("Larger"), keys: ["+"] },
  { act: "smaller", label: () => _("Smaller"), keys: ["-"] },
  { act: "chequers", label: () => _("Ground: chequerboard"), keys: ["c"] },
  { act: "white", label: () => _("Ground: white"), keys: ["w"] },
  { act: "black", label: () => _("Ground: black"), keys: ["d"] },
  { act: "grey", label: () => _("Ground: grey"), keys: ["g"] },
  { act: "shop", label: () => _("Ground: the shop's colour"), keys: ["s"] },
  { act: "picture", label: () => _("Ground: a picture"), keys: ["p"] },
  { act: "original", label: () => _("Ground: the original"), keys: ["o"] },
  { act: "slider", label: () => _("Slider: original and cut-out"), keys: ["x"] },
  { act: "look", label: () => _("The original alone, while it is held"), keys: [" "] },
  { act: "alpha", label: () => _("The alpha alone"), keys: ["m"] },
  { act: "marks", label: () => _("Marks of the reasons"), keys: ["k"] },
  { act: "attempts", label: () => _("Other attempts side by side"), keys: ["a"] },
  { act: "touch-up", label: () => _("Touch up"), keys: ["b"] },
  { act: "keys", label: () => _("These keys"), keys: ["?"] },
  { act: "other-brush", mode: "touch-up", label: () => _("Bring back or take away"), keys: ["x"] },
  { act: "smaller-brush", mode: "touch-up", label: () => _("Smaller brush"), keys: ["[", ","] },
  { act: "larger-brush", mode: "touch-up", label: () => _("Larger brush"), keys: ["]", "."] },
  { act: "softer-brush", mode: "touch-up", label: () => _("Softer brush"), keys: ["{", ";", "<"] },
  { act: "harder-brush", mode: "touch-up", label: () => _("Harder brush"), keys: ["}", ":", ">"] },
  { act: "snap", mode: "touch-up", label: () => _("Snap to the photo's edge"), keys: ["s"] },
  { act: "send", mode: "touch-up", label: () => _("Use the touched-up result"), keys: ["Enter"] },
  { act: "leave", mode: "touch-up", label: () => _("Leave the touch-up"), keys: ["Escape"] },
];

const HELD = ["next", "previous", "next-page", "previous-page", "larger", "smaller", "look", "smaller-brush", "larger-brush", "softer-brush", "harder-brush"]; // what a key that is held down may repeat: never a decision

let own = remembered.get("keys", {});
const keysOf = (row) => own[row.act] ?? row.keys;

// What was pressed, as a text: "1", "Ctrl+z", "Shift+U", "ArrowLeft". The numpad's digits are digits.
export function pressed(event) {
  const key = /^Numpad\d$/.test(event.code) && !/^\d$/.test(event.key) ? event.code.slice(-1) : event.key;
  const control = event.ctrlKey || event.metaKey ? "Ctrl+" : "";
  const shift = event.shiftKey && (key.length > 1 || /\p{L}/u.test(key)) ? "Shift+" : "";
  return control + (event.altKey ? "Alt+" : "") + shift + key;
}

const normal = (key) => key.toLowerCase(); // caps lock changes no meaning

// The act of a key event in a mode, or undefined.
function actOf(event, mode) {
  const key = normal(pressed(event));
  const means = (row) => keysOf(row).some((each) => normal(each) === key);
  return (ACTS.find((row) => row.mode === mode && means(row)) ?? ACTS.find((row) => !row.mode && means(row)))?.act;
}

// Calls acts[name](event) for the keys of the page, never while somebody types, or while a dialog is open.
// now(): what the page can do at this moment, {mode, acts}; mode is "" in the review itself.
export function listen(now) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || takesText(event.target) || document.querySelector("dialog[open]")) return;
    const { mode, acts } = now();
    const act = actOf(event, mode);
    if (!act || !acts[act]) return;
    if (event.repeat && !HELD.includes(act)) {
      event.preventDefault();
      return;
    }
    const control = event.target instanceof HTMLElement && event.target.closest("button, a, summary, input, [role='option']");
    if (control && [" ", "Enter"].includes(event.key)) return;
    if (event.target instanceof HTMLInputElement && event.target.type === "range" && event.key.startsWith("Arrow")) return;
    if (acts[act](event) !== false) event.preventDefault();
  });
}

const NAMES = { Enter: "⏎", Escape: "Esc", ArrowRight: "→", ArrowLeft: "←", ArrowUp: "↑", ArrowDown: "↓", " ": () => _("Space") };

export function keyName(key) {
  return key
    .split(/(?<=.)\+(?=.)/)
    .map((piece) => {
      const name = NAMES[piece];
      if (name) return typeof name === "function" ? name() : name;
      if (piece === "Ctrl") return _("Ctrl");
      if (piece === "Shift") return "⇧";
      return piece.length === 1 ? piece.toUpperCase() : piece;
    })
    .join(" ");
}

export const keyFor = (act) => keysOf(ACTS.find((row) => row.act === act))[0];

// The key of an act, as a small sign in a button; "" if it has none.
export function keySign(act) {
  const key = keyFor(act);
  return key ? element("kbd", { textContent: keyName(key), "aria-hidden": "true" }) : "";
}

// Opens the page of keys. changed(): some key is another one now.
export function showKeys(changed) {
  const dialog = byId("keys");
  let setting = null;
  const close = () => dialog.close();

  function rows(mode) {
    return ACTS.filter((row) => (row.mode ?? "") === mode).map((row) =>
      element(
        "li", {}, element("span", { textContent: row.label() }),
        element("button", {
          type: "button", className: "key", "data-key": row.act, onclick: () => { setting = row.act; draw(); },
        },
        element("span", { className: "visually-hidden", textContent: _("Change the key for %(what)s", { what: row.label() }) }),
        ...(setting === row.act ? [_("Press a key …")] : keysOf(row).map((key) => element("kbd", { textContent: keyName(key) })))),
      ),
    );
  }

  function draw() {
    fill(
      dialog,
      element("div", { className: "dialog-head" },
        element("h2", { id: "keys-title", textContent: _("Keys") }),
        element("button", { type: "button", textContent: _("Close"), onclick: close })),
      element("p", { className: "soft", textContent: _("Choose a key to change it.") }),
      element("ul", { className: "key-list" }, ...rows("")),
      element("h3", { textContent: _("While touching up") }),
      element("ul", { className: "key-list" }, ...rows("touch-up")),
      element("button", { type: "button", textContent: _("As they were"), onclick: () => { own = {}; store(); } }),
    );
    if (setting) dialog.querySelector(`[data-key="${setting}"]`).focus();
  }

  function store() {
    remembered.set("keys", own);
    setting = null;
    draw();
    changed();
  }

  dialog.onkeydown = (event) => {
    if (!setting) {
      if (event.key === "?") close();
      return;
    }
    if (["Shift", "Control", "Alt", "Meta"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Escape") {
      setting = null;
      draw();
      return;
    }
    const key = pressed(event);
    const { mode } = ACTS.find((row) => row.act === setting);
    for (const row of ACTS) {
      if (row.act !== setting && row.mode === mode && keysOf(row).some((each) => normal(each) === normal(key))) {
        own[row.act] = keysOf(row).filter((each) => normal(each) !== normal(key));
      }
    }
    own[setting] = [key];
    store();
  };
  dialog.oncancel = (event) => { if (setting) event.preventDefault(); };
  draw();
  dialog.showModal();
}

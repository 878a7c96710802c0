// What every page does: its settings, messages, and whether the daemon is there.
import { byId, element, fill, remembered } from "./dom.js";
import { _, ngettext } from "./texts.js";

const root = document.documentElement;
export const decides = root.dataset.decides === "yes";
export const me = root.dataset.user;

const MESSAGE_SECONDS = 6;
const BAD_MESSAGE_SECONDS = 20;

// A line that goes by itself. bad: something failed. act: {label, run}, a button in it.
export function message(text, { bad = false, act = null, seconds = bad ? BAD_MESSAGE_SECONDS : MESSAGE_SECONDS } = {}) {
  const line = element("div", { className: bad ? "message bad" : "message" }, element("span", { textContent: text }));
  const close = () => line.remove();
  if (act) line.append(element("button", { type: "button", textContent: act.label, onclick: () => { close(); act.run(); } }));
  line.append(element("button", { type: "button", textContent: "✕", "aria-label": _("Close"), onclick: close }));
  byId("messages").append(line);
  while (byId("messages").children.length > 3) byId("messages").firstChild.remove();
  setTimeout(close, seconds * 1000);
}

// Says something to people who listen to a screen reader. Nobody sees it.
export function tell(text) {
  const told = byId("told");
  told.textContent = told.textContent === text ? `${text}\u00a0` : text;
}

const away = new Map(); // who misses the daemon: how many decisions wait there

// Shows that the daemon does not answer `who`, and how many decisions wait; waiting null = it answers again.
export function connection(who, waiting) {
  if (waiting === null) away.delete(who);
  else away.set(who, waiting);
  drawConnection();
}

let loggedOut = false;
// Nothing on the page is lost: whoever logs in again, in another tab, goes on here.
function setLoggedOut(yes) {
  if (loggedOut === yes) return;
  loggedOut = yes;
  drawConnection();
}
document.addEventListener("logged-out", () => setLoggedOut(true));
document.addEventListener("let-in", () => setLoggedOut(false));

function drawConnection() {
  const line = byId("connection");
  line.hidden = away.size === 0 && !loggedOut;
  if (line.hidden) return;
  const sum = [...away.values()].reduce((a, b) => a + b, 0);
  const words = [loggedOut ? _("You are logged out.") : _("No connection to Freisteller. Trying again …")];
  if (sum) words.push(ngettext("One decision waits and is not lost.", "%(num)s decisions wait and are not lost.", sum));
  const text = words.join(" ");
  if (line.dataset.text === text) return;
  line.dataset.text = text;
  const way = `/login?next=${encodeURIComponent(location.pathname + location.search)}`;
  fill(line, text, loggedOut ? element("a", { className: "button", href: way, target: "_blank", rel: "noopener", textContent: _("Log in") }) : null);
}

function settings() {
  const theme = byId("theme");
  try {
    theme.value = localStorage.getItem("theme") ?? "auto";
  } catch {
    theme.value = "auto";
  }
  theme.addEventListener("change", () => {
    if (theme.value === "auto") delete root.dataset.theme;
    else root.dataset.theme = theme.value;
    try {
      localStorage.setItem("theme", theme.value);
    } catch {
      // Then it holds for this page only.
    }
    document.dispatchEvent(new Event("theme-changed"));
  });
  byId("language").addEventListener("change", (event) => {
    document.cookie = `freisteller_language=${event.target.value}; path=/; max-age=31536000; samesite=lax`;
    location.reload();
  });
  const menu = byId("settings");
  document.addEventListener("pointerdown", (event) => {
    if (menu.open && !menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
    event.stopPropagation();
  });
}
settings();

// A button that was clicked gives the focus back, so that the space bar is not its key afterwards.
document.addEventListener("click", (event) => {
  const button = event.detail > 0 && event.target.closest?.("main button");
  if (button && document.activeElement === button) button.blur();
});

export { byId, element, fill, remembered };

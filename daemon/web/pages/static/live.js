// Hears what happens in the daemon, while somebody looks at the page: a browser has few connections to a host.
import { ask } from "./api.js";
import { connection } from "./base.js";

const KINDS = ["admitted", "started", "done", "failed", "verdict", "moved", "removed", "deed"];
const AGAIN_SECONDS = 5;

// happened(kind, data) for each event. anew(): events may be missing, so load what is shown again.
export function hear(happened, anew) {
  let source = null;
  let opened = false;
  let timer = 0;

  function open() {
    clearTimeout(timer);
    if (source || document.hidden) return;
    source = new EventSource("/api/v1/events");
    source.onopen = () => {
      connection("events", null);
      document.dispatchEvent(new Event("let-in"));
      if (opened) anew();
      opened = true;
    };
    source.onerror = () => {
      connection("events", 0);
      ask("/api/v1/me").catch(() => {}); // a stream does not say why it ended: whoever is logged out is told so by this
      close();
      timer = setTimeout(open, AGAIN_SECONDS * 1000);
    };
    source.addEventListener("reset", () => anew());
    for (const kind of KINDS) source.addEventListener(kind, (event) => happened(kind, JSON.parse(event.data)));
  }

  function close() {
    source?.close();
    source = null;
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  open();
}

// Calls run at most once in these seconds, and once after the last call.
export function calmly(run, seconds) {
  let timer = 0;
  return () => {
    if (!timer) timer = setTimeout(() => { timer = 0; run(); }, seconds * 1000);
  };
}

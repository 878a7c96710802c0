// What pointers do on the stage: pan, pinch, wheel, double click; and on a touch screen, swipes.

const SWIPE = 70; // CSS pixels
const TAP = 8;

// stage: the element. viewer: a Viewer. swiped(direction): "left", "right" or "up". hint(direction or null, 0..1).
// brush(): what paints, {begin(at, event), move(at, event), end(), cancel(), hover(at, event)}, or null. slide(at, begins): may take the pointer for itself, for the slider. tapped(at): a double tap or click.
export function gestures(stage, viewer, { swiped, hint, slide, tapped, moved, brush }) {
  const pointers = new Map();
  let start = null;
  let mode = null; // pan, swipe, pinch, slide, brush
  let lastTap = 0;

  const at = (event) => {
    const box = stage.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const spread = () => {
    const [a, b] = [...pointers.values()];
    return { distance: Math.hypot(a.x - b.x, a.y - b.y), middle: { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 } };
  };

  stage.addEventListener("pointerdown", (event) => {
    const middle = event.button === 1 && brush() !== null;
    if ((event.button !== 0 && !middle) || event.target.closest("button, input, a")) return;
    stage.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, at(event));
    if (pointers.size === 2) {
      if (mode === "brush") brush()?.cancel();
      mode = "pinch";
      start = spread();
      back();
    } else if (pointers.size === 1) {
      start = { ...at(event), time: event.timeStamp, touch: event.pointerType !== "mouse" };
      if (brush() && !middle && !event.shiftKey && !slide(start, true)) {
        mode = "brush";
        brush().begin(start, event);
      } else mode = slide(start, true) ? "slide" : viewer.zoomed ? "pan" : start.touch && !brush() ? "swipe" : null;
    }
  });

  stage.addEventListener("pointermove", (event) => {
    const now = at(event);
    moved(now);
    brush()?.hover(now, event);
    const before = pointers.get(event.pointerId);
    if (!before) return;
    pointers.set(event.pointerId, now);
    if (mode === "pinch" && pointers.size === 2) {
      const { distance, middle } = spread();
      viewer.zoomBy(distance / start.distance, middle);
      viewer.moveBy(middle.x - start.middle.x, middle.y - start.middle.y);
      start = { distance, middle };
    } else if (mode === "brush") {
      const between = event.getCoalescedEvents?.() ?? [];
      for (const each of between.length ? between : [event]) brush()?.move(at(each), each);
    } else if (mode === "pan") viewer.moveBy(now.x - before.x, now.y - before.y);
    else if (mode === "slide") slide(now, false);
    else if (mode === "swipe") swipe(now.x - start.x, now.y - start.y);
  });

  function swipe(dx, dy) {
    viewer.shift = { x: dx * 0.6, y: Math.min(0, dy) * 0.6 };
    viewer.redraw();
    const direction = directionOf(dx, dy);
    hint(direction, Math.min(1, Math.max(Math.abs(dx), -dy) / SWIPE));
  }

  const directionOf = (dx, dy) => (-dy > Math.abs(dx) ? "up" : Math.abs(dx) > Math.abs(dy) ? (dx < 0 ? "left" : "right") : null);

  function back() {
    viewer.shift = { x: 0, y: 0 };
    viewer.redraw();
    hint(null, 0);
  }

  function end(event) {
    const now = pointers.get(event.pointerId);
    pointers.delete(event.pointerId);
    if (!now) return;
    const [dx, dy] = start && "x" in start ? [now.x - start.x, now.y - start.y] : [0, 0];
    const was = mode;
    if (was === "brush") {
      if (event.type === "pointerup") brush()?.end();
      else brush()?.cancel();
    }
    mode = pointers.size === 1 && was === "pinch" ? "pan" : pointers.size ? mode : null;
    if (was === "swipe") {
      back();
      const direction = directionOf(dx, dy);
      if (event.type === "pointerup" && direction && Math.max(Math.abs(dx), -dy) >= SWIPE) return swiped(direction);
    }
    if (event.type === "pointerup" && !["slide", "pinch", "brush"].includes(was) && Math.hypot(dx, dy) < TAP) {
      const twice = event.timeStamp - lastTap < 350;
      lastTap = twice ? 0 : event.timeStamp;
      if (twice) tapped(now);
    }
    return undefined;
  }
  stage.addEventListener("pointerup", end);
  stage.addEventListener("pointercancel", end);

  stage.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const lines = event.deltaMode === 1 ? 16 : 1;
      viewer.zoomBy(Math.exp((-event.deltaY * lines) / (event.ctrlKey ? 100 : 400)), at(event));
    },
    { passive: false },
  );
}

// Snaps alphas to edges beside the page, so that the brush never waits for it.
import { snapped } from "./edge_snap.js";

addEventListener("message", ({ data: { guide, alpha, width, height, radius } }) => {
  const values = snapped(guide, alpha, width, height, radius);
  postMessage(values, [values.buffer]);
});

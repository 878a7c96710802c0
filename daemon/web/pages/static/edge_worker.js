// Snaps alphas to edges beside the page, so that the brush never waits for it.
import { snapped } from "./edge_snap.js";

// rgba: of the photo, four bytes a pixel.
addEventListener("message", ({ data: { rgba, alpha, width, height, radius, inner } }) => {
  const guide = new Uint8Array(width * height); // how bright it is (Rec. 709's weights)
  for (let n = 0; n < guide.length; n += 1) guide[n] = 0.2126 * rgba[4 * n] + 0.7152 * rgba[4 * n + 1] + 0.0722 * rgba[4 * n + 2] + 0.5;
  const values = snapped(guide, alpha, width, height, radius, inner);
  postMessage(values, [values.buffer]);
});

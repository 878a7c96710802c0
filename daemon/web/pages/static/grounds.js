// The grounds that a cut-out can stand on.
import { remembered } from "./dom.js";
import { sheet } from "./pixels.js";
import { _ } from "./texts.js";

export const GROUNDS = [
  { name: "chequers", label: () => _("Chequerboard") },
  { name: "white", label: () => _("White"), colour: "#ffffff" },
  { name: "black", label: () => _("Black"), colour: "#000000" },
  { name: "grey", label: () => _("Grey"), colour: "#808080" },
  { name: "shop", label: () => _("The shop's colour") },
  { name: "picture", label: () => _("A picture") },
  { name: "original", label: () => _("The original") },
];

const SQUARE = 12; // CSS pixels
const patterns = new Map();
let own = null;

export function paintGround(context, ground, box, ratio) {
  if (ground.name === "picture") return paintPicture(context, own ?? room(), box);
  context.fillStyle = ground.name === "chequers" ? chequers(context, box, ratio) : ground.colour;
  context.fillRect(box.x, box.y, box.width, box.height);
  return undefined;
}

function chequers(context, box, ratio) {
  const square = Math.round(SQUARE * ratio);
  if (!patterns.has(square)) {
    const tile = sheet(2 * square, 2 * square);
    tile.fillStyle = "#ffffff";
    tile.fillRect(0, 0, 2 * square, 2 * square);
    tile.fillStyle = "#cfd1d4";
    tile.fillRect(0, 0, square, square);
    tile.fillRect(square, square, square, square);
    patterns.set(square, context.createPattern(tile.canvas, "repeat"));
  }
  const pattern = patterns.get(square);
  pattern.setTransform(new DOMMatrix([1, 0, 0, 1, box.x, box.y]));
  return pattern;
}

// Fills the box and is cut where it is too large, as a photo on a page is.
function paintPicture(context, picture, box) {
  const scale = Math.max(box.width / picture.width, box.height / picture.height);
  const width = box.width / scale;
  const height = box.height / scale;
  context.imageSmoothingEnabled = true;
  context.drawImage(picture, (picture.width - width) / 2, (picture.height - height) / 2, width, height, box.x, box.y, box.width, box.height);
}

// A plain studio room, until somebody chooses a picture.
let drawnRoom = null;
function room() {
  if (drawnRoom) return drawnRoom;
  const context = sheet(800, 600);
  const wall = context.createLinearGradient(0, 0, 0, 600);
  wall.addColorStop(0, "#d8c9b4");
  wall.addColorStop(0.66, "#bfa98d");
  wall.addColorStop(0.665, "#7c5f43");
  wall.addColorStop(1, "#a88560");
  context.fillStyle = wall;
  context.fillRect(0, 0, 800, 600);
  const light = context.createRadialGradient(240, 120, 20, 240, 120, 520);
  light.addColorStop(0, "rgb(255 246 228 / 0.75)");
  light.addColorStop(1, "rgb(255 246 228 / 0)");
  context.fillStyle = light;
  context.fillRect(0, 0, 800, 600);
  drawnRoom = context.canvas;
  return drawnRoom;
}

// Takes a file as the ground picture, and remembers it in this browser, made small enough for that.
export async function choosePicture(file) {
  const found = await createImageBitmap(file);
  const scale = Math.min(1, 1600 / Math.max(found.width, found.height));
  const context = sheet(Math.round(found.width * scale), Math.round(found.height * scale));
  context.drawImage(found, 0, 0, context.canvas.width, context.canvas.height);
  own = context.canvas;
  remembered.set("ground-picture", own.toDataURL("image/jpeg", 0.85));
}

// Brings the remembered picture back. A data URL is no address that the page may load from, so it is read by hand.
export async function recallPicture() {
  const url = remembered.get("ground-picture", null);
  if (!url) return;
  const bytes = Uint8Array.from(atob(url.slice(url.indexOf(",") + 1)), (letter) => letter.charCodeAt(0));
  own = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
}

// Writes a grey PNG of 8 bit, some rows at a time, so that no picture of 100 megapixels is ever in one canvas.
const SIGNATURE = Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10);
const UP = 2; // the filter of every row: what differs from the row above (PNG 1.2, 6.4)

const CRCS = Uint32Array.from({ length: 256 }, (_, n) => {
  let sum = n;
  for (let bit = 0; bit < 8; bit += 1) sum = sum & 1 ? 0xedb88320 ^ (sum >>> 1) : sum >>> 1;
  return sum;
});

function chunk(kind, content) {
  const made = new Uint8Array(content.length + 12);
  const view = new DataView(made.buffer);
  view.setUint32(0, content.length);
  for (let n = 0; n < 4; n += 1) made[4 + n] = kind.charCodeAt(n);
  made.set(content, 8);
  let sum = 0xffffffff;
  for (let n = 4; n < content.length + 8; n += 1) sum = CRCS[(sum ^ made[n]) & 0xff] ^ (sum >>> 8);
  view.setUint32(content.length + 8, ~sum >>> 0);
  return made;
}

function header(width, height) {
  const content = new Uint8Array(13);
  const view = new DataView(content.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  content[8] = 8;
  return chunk("IHDR", content);
}

// strips: an iterable, may be asynchronous, of whole rows from the top, one byte a pixel. Promises a Blob; raises what strips raises.
export async function greyPng(width, height, strips) {
  const deflate = new CompressionStream("deflate");
  const packed = pieces(deflate.readable);
  const writer = deflate.writable.getWriter();
  try {
    let above = new Uint8Array(width);
    for await (const strip of strips) {
      await writer.write(filtered(width, strip, above));
      above = strip.subarray(strip.length - width);
    }
    await writer.close();
  } catch (error) {
    packed.catch(() => {});
    await writer.abort(error).catch(() => {});
    throw error;
  }
  return new Blob([SIGNATURE, header(width, height), ...(await packed), chunk("IEND", new Uint8Array(0))], { type: "image/png" });
}

async function pieces(readable) {
  const reader = readable.getReader();
  const found = [];
  for (let next = await reader.read(); !next.done; next = await reader.read()) found.push(chunk("IDAT", next.value));
  return found;
}

function filtered(width, strip, above) {
  const rows = strip.length / width;
  const made = new Uint8Array(rows * (width + 1));
  for (let row = 0; row < rows; row += 1) {
    const to = row * (width + 1);
    const from = row * width;
    made[to] = UP;
    for (let x = 0; x < width; x += 1) made[to + 1 + x] = strip[from + x] - (row ? strip[from - width + x] : above[x]);
  }
  return made;
}

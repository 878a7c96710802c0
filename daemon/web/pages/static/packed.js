// Packs bytes that are mostly flat, as the tiles of an alpha are (PackBits of Apple and TIFF 6.0).

let room = new Uint8Array(0); // the same for each tile, or a stroke over a hundred of them would leave much to be collected

export function pack(bytes) {
  const most = bytes.length + Math.ceil(bytes.length / 128);
  if (room.length < most) room = new Uint8Array(most);
  const made = room;
  let to = 0;
  for (let at = 0; at < bytes.length;) {
    let run = 1;
    while (run < 128 && at + run < bytes.length && bytes[at + run] === bytes[at]) run += 1;
    if (run > 2) {
      made[to] = 257 - run;
      made[to + 1] = bytes[at];
      to += 2;
      at += run;
      continue;
    }
    const from = at;
    while (at < bytes.length && at - from < 128 && !(bytes[at] === bytes[at + 1] && bytes[at] === bytes[at + 2])) at += 1;
    made[to] = at - from - 1;
    made.set(bytes.subarray(from, at), to + 1);
    to += 1 + at - from;
  }
  return made.slice(0, to);
}

// length: of the bytes that were packed.
export function unpack(packed, length) {
  const made = new Uint8Array(length);
  for (let from = 0, to = 0; from < packed.length;) {
    const count = packed[from];
    if (count > 128) {
      made.fill(packed[from + 1], to, to + 257 - count);
      to += 257 - count;
      from += 2;
    } else {
      made.set(packed.subarray(from + 1, from + 2 + count), to);
      to += count + 1;
      from += count + 2;
    }
  }
  return made;
}

// Brings one file to the daemon, through broken lines and restarts, exactly once. A large one goes on where it stopped.
import { ask, refusal, Refusal } from "./api.js";

const PIECE_BYTES = 8e6; // larger files go in pieces
const TRIES_TO_GIVE_UP = 5; // the daemon forgets it after a day anyway
const SILENT_SECONDS = 60; // a line that carries nothing for so long is broken
const memory = new Map(); // where the browser keeps nothing
const session = kept("drop") ?? keep("drop", String(crypto.getRandomValues(new Uint32Array(4)).join("")));

// item: {file, folder, order}. sent(bytes): so many have gone. signal: ends it. Returns once the daemon has the photo.
// Raises Refusal, an AbortError if the signal ended it, or Unreadable.
export async function sendOnce(item, sent, signal) {
  const key = keyOf(item);
  try {
    await (item.file.size > PIECE_BYTES ? inPieces(item, key, sent, signal) : atOnce(item, key, sent, signal));
    keep(`upload ${key}`, null);
  } catch (problem) {
    if (problem.status === 0) await item.file.slice(0, 1).arrayBuffer().catch(() => { throw new Unreadable(); });
    throw problem;
  }
}

// The file went away or was changed after it had been chosen.
export class Unreadable extends Error {}

// Tells the daemon that nothing more will come.
export async function giveUp(item) {
  const key = keyOf(item);
  const id = kept(`upload ${key}`);
  keep(`upload ${key}`, null);
  for (let tries = 0; id && tries < TRIES_TO_GIVE_UP; tries += 1) {
    const problem = await ask(`/api/v1/uploads/${id}`, { method: "DELETE" }).catch((refused) => refused);
    if (problem?.status !== 409) return; // 409: it still listens to the request that we broke off
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

const query = ({ file, order }, further = {}) => new URLSearchParams({ name: file.name, order, ...further });

const inTime = (signal) => AbortSignal.any([signal, AbortSignal.timeout(SILENT_SECONDS * 1000)]);

async function atOnce(item, key, sent, signal) {
  await push("POST", `/api/v1/photos?${query(item)}`, item.file, { "Idempotency-Key": key }, sent, signal);
}

async function inPieces(item, key, sent, signal) {
  let { id, offset, job } = (await goingOn(key, item, signal)) ?? (await begun(key, item, signal));
  while (!job) {
    sent(offset);
    const piece = item.file.slice(offset, offset + PIECE_BYTES);
    const told = await push("PUT", `/api/v1/uploads/${id}?offset=${offset}`, piece, {}, (bytes) => sent(offset + bytes), signal);
    if (offset + piece.size >= item.file.size) return; // the answer is the job
    offset = told.offset;
  }
}

async function begun(key, item, signal) {
  const told = await ask(`/api/v1/uploads?${query(item, { bytes: item.file.size })}`, { method: "POST", headers: { "Idempotency-Key": key }, signal: inTime(signal) });
  keep(`upload ${key}`, told.id);
  return told;
}

// What has arrived of a file before; null = the daemon knows nothing of it.
async function goingOn(key, item, signal) {
  const id = kept(`upload ${key}`);
  if (!id) return null;
  try {
    const told = await ask(`/api/v1/uploads/${id}`, { signal: inTime(signal) });
    return told.bytes === item.file.size ? told : null;
  } catch (problem) {
    if (problem.status === 404) return null;
    throw problem;
  }
}

// fetch tells no progress of what it sends.
function push(method, path, body, headers, sent, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let silence = 0;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => { request.abort(); reject(new Refusal(0)); }, SILENT_SECONDS * 1000);
    };
    const stop = () => { request.abort(); reject(signal.reason); };
    request.open(method, path);
    for (const [name, value] of Object.entries({ "Content-Type": "application/octet-stream", Accept: "application/json", ...headers })) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => { heard(); sent(event.loaded); };
    request.upload.onload = () => clearTimeout(silence); // the daemon looks at the photo, which may take a while
    request.onloadend = () => { clearTimeout(silence); signal.removeEventListener("abort", stop); };
    request.onerror = () => reject(new Refusal(0));
    request.onload = async () => {
      const answer = new Response(request.responseText || null, { status: request.status, headers: { "Retry-After": request.getResponseHeader("Retry-After") ?? "" } });
      if (answer.ok) resolve(await answer.json().catch(() => ({})));
      else reject(await refusal(answer));
    };
    if (signal.aborted) return stop();
    signal.addEventListener("abort", stop);
    heard();
    request.send(body);
  });
}

// The same file has the same key, so that one that had arrived is not taken in twice. Two of one name lie in two folders.
function keyOf({ file, folder, order }) {
  let [a, b] = [0x811c9dc5, 0x9e3779b9]; // FNV-1a and a sum of another kind: crypto.subtle is there over https only
  for (const byte of new TextEncoder().encode([order, folder, file.name].join("\0"))) {
    a = Math.imul(a ^ byte, 0x01000193);
    b = Math.imul(b, 31) + byte | 0;
  }
  return [session, file.size, file.lastModified, a >>> 0, b >>> 0].join("-");
}

// Whoever forbids the page to keep something begins anew after a reload.
function kept(name) {
  try {
    return sessionStorage.getItem(name);
  } catch {
    return memory.get(name) ?? null;
  }
}

function keep(name, value) {
  try {
    if (value === null) sessionStorage.removeItem(name);
    else sessionStorage.setItem(name, value);
  } catch {
    memory.set(name, value);
  }
  return value;
}

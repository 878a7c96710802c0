// Asks the daemon, and says in plain words why something could not be done.
import { inPlainWords } from "./problems.js";
import { _ } from "./texts.js";

// What the daemon answered instead of doing it. status: HTTP's, 0 = no answer. problem: the problem details, if any.
export class Refusal extends Error {
  constructor(status, problem, retryAfter) {
    super(words(status, problem));
    this.status = status;
    this.problem = problem ?? {};
    this.retryAfter = retryAfter;
  }
  // Whether the same request may succeed later, by itself.
  get passing() {
    return this.status === 0 || this.status === 401 || this.status === 429 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

function words(status, problem) {
  const said = problem?.failure ? inPlainWords(problem.failure) : (problem?.detail ?? "");
  if (status === 0) return _("No connection to Freisteller.");
  if (status === 401) return _("You are logged out. Log in again.");
  if (status === 403) return _("You may not do that.");
  if (status === 404 || status === 410) return _("That photo is no longer there.");
  if (status === 412) return _("Somebody else was first.");
  if (status === 413) return _("That is too large.");
  if (status === 507) return _("The disk is full: %(detail)s", { detail: said });
  return said ? _("That did not work: %(detail)s", { detail: said }) : _("That did not work (%(status)s).", { status });
}

// Sends one request. body: a Blob as it is, anything else as JSON. Returns the answer's JSON. Raises Refusal. An AbortError goes through.
export async function ask(path, { method = "GET", body, headers = {}, signal, keepalive = false } = {}) {
  const file = body instanceof Blob;
  const sent = { Accept: "application/json", ...headers };
  if (body !== undefined) sent["Content-Type"] = file ? body.type : "application/json";
  let answer;
  try {
    answer = await fetch(path, {
      method, signal, keepalive, headers: sent, body: body === undefined || file ? body : JSON.stringify(body), redirect: "error",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(0);
  }
  if (!answer.ok) throw await refusal(answer);
  document.dispatchEvent(new Event("let-in"));
  return answer.status === 204 ? null : answer.json();
}

export async function refusal(answer) {
  const problem = await answer.json().catch(() => null);
  if (answer.status === 401) document.dispatchEvent(new Event("logged-out"));
  return new Refusal(answer.status, problem, Number(answer.headers.get("Retry-After")) || 0);
}

export const jobPath = (id, rest = "") => `/api/v1/jobs/${encodeURIComponent(id)}${rest}`;

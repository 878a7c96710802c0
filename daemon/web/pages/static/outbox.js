// Sends what a person decided, one after the other, in order; tries again while the daemon does not answer.
import { ask } from "./api.js";
import { connection } from "./base.js";

const WAITS = [0.5, 1, 2, 4, 8]; // seconds between tries

export class Outbox {
  constructor() {
    this.items = [];
    this.running = false;
    this.wake = () => {};
    addEventListener("online", () => this.wake());
    addEventListener("beforeunload", (event) => {
      if (this.items.length) event.preventDefault();
    });
  }

  // item: {path(), body(), headers(), done(answer), failed(refusal)}. path() null = there is nothing to do any more.
  push(item) {
    this.items.push(item);
    if (!this.running) this.run();
  }

  // Takes back what was not sent yet. Returns whether that was so.
  remove(item) {
    const at = this.items.indexOf(item);
    if (at < 0 || item.started) return false;
    this.items.splice(at, 1);
    return true;
  }

  async run() {
    this.running = true;
    while (this.items.length) {
      const [item] = this.items;
      item.started = true;
      await this.send(item);
      this.items.shift();
    }
    this.running = false;
  }

  async send(item) {
    const key = crypto.getRandomValues(new Uint32Array(4)).join("-");
    for (let tries = 0; ; tries += 1) {
      const path = item.path();
      if (path === null) return;
      try {
        const headers = { "Idempotency-Key": key, ...item.headers?.() };
        const answer = await ask(path, { method: "POST", body: item.body?.() ?? {}, headers, keepalive: true });
        connection("deeds", null);
        await item.done(answer);
        return;
      } catch (refusal) {
        if (!refusal.passing) {
          connection("deeds", null);
          await item.failed(refusal, tries > 0);
          return;
        }
        connection("deeds", this.items.length);
        await this.pause(refusal.retryAfter || WAITS[Math.min(tries, WAITS.length - 1)]);
      }
    }
  }

  pause(seconds) {
    return new Promise((resolve) => {
      this.wake = resolve;
      setTimeout(resolve, seconds * 1000);
    });
  }
}

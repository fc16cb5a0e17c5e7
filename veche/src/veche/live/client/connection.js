// Stay connected: the moves between "idle", "opening", "open", "waiting" and "paused".
//
// One job: when to open which way, when to try again, when to repeat the join.
// Must not know: what the messages say.

import { openPoll, openSocket, openStream } from "./transports.js";

const OPEN = { socket: openSocket, stream: openStream, poll: openPoll };
const NEXT = { socket: "stream", stream: "poll" };
const TRIES_BEFORE_NEXT = 2;

const FIRST_WAIT = 500;
const LONGEST_WAIT = 30_000;
const OPENING_LIMIT = 10_000;
const BEAT = 25_000;
const ANSWER_LIMIT = 10_000;
const SERVER_BEAT_LIMIT = 45_000;
const SHOW_OFFLINE_AFTER = 1000;

export class Connection {
  state = "idle";
  #transport = null;
  #timers = {};
  #tries = 0; // of the present way
  #failures = 0; // since the last message
  #heard = 0;
  #proven = new Set(); // ways that have opened once: when they fail now, the server is away, and the way is not blocked

  /** list(): what the page shows now. on.message(object); on.state("connected" | "offline" | "none"). */
  constructor({ preferred, list, on }) {
    this.preferred = preferred;
    this.way = preferred;
    this.list = list;
    this.on = on;
  }

  /** The page changed: say what it shows now. A page without live parts needs no connection. */
  update() {
    if (this.state === "open") this.#join();
    else if (this.state === "idle") this.connect();
    else if (this.state === "opening" && this.way !== "socket") this.#transport.join(this.list());
  }

  /** Now, whatever was being waited for. */
  connect() {
    this.#leave("idle");
    if (!this.list().length) return;
    if (document.hidden) return void (this.state = "paused"); // nobody looks; visibilitychange comes back here
    this.state = "opening";
    this.#after("opening", OPENING_LIMIT, () => this.#lost(0));
    const transport = OPEN[this.way]({
      open: () => transport === this.#transport && this.#opened(),
      message: (message) => transport === this.#transport && this.#message(message),
      close: (status) => transport === this.#transport && this.#lost(status),
    });
    this.#transport = transport;
    if (this.way !== "socket") transport.join(this.list());
  }

  /** The network has come back: begin again with the best way. */
  online() {
    this.#startOver();
    this.connect();
  }

  /** The machine has no network. A server on this machine is still there, so it is tried as after any loss. */
  offline() {
    this.on.state("offline");
    if (this.#transport) this.#lost(0);
  }

  /** The person is back at the page: what they see must be true now, not at the next beat. */
  visible() {
    if (this.state === "open") this.#join();
    else if (this.state !== "opening") this.connect();
  }

  /** The page is being left or frozen; a page in the browser's memory must hold no connection. */
  close() {
    this.#leave("idle");
  }

  /** As if the network had cut it: for whoever tests a page by hand. */
  drop() {
    if (this.#transport) this.#lost(0);
  }

  #opened() {
    if (this.state === "open") return;
    this.state = "open";
    this.#tries = 0;
    this.#proven.add(this.way);
    this.#heard = Date.now();
    clearTimeout(this.#timers.opening);
    clearTimeout(this.#timers.offline);
    this.#timers.offline = null;
    this.on.state("connected");
    this.#timers.beat = setInterval(() => this.#beat(), BEAT);
    if (this.way === "socket") this.#join();
  }

  #message(message) {
    this.#failures = 0;
    this.#heard = Date.now();
    clearTimeout(this.#timers.answer);
    this.on.message(message);
  }

  /** Repeat the join: the server compares versions, so a message that was lost on the way is made good. */
  #join() {
    this.#transport.join(this.list());
    if (!this.#transport.serverBeats) this.#after("answer", ANSWER_LIMIT, () => this.#lost(0));
  }

  #beat() {
    if (!this.#transport.serverBeats) this.#join();
    else if (!document.hidden && Date.now() - this.#heard > SERVER_BEAT_LIMIT) this.#lost(0);
  }

  #lost(status) {
    const mayBeBlocked = this.state === "opening" && !this.#proven.has(this.way);
    this.#leave("waiting");
    this.#timers.offline ??= setTimeout(() => this.on.state("offline"), SHOW_OFFLINE_AFTER);
    if (mayBeBlocked) {
      this.#tries += 1;
      if (status === 501 || this.#tries >= TRIES_BEFORE_NEXT) {
        this.#tries = 0;
        if (NEXT[this.way]) {
          this.way = NEXT[this.way];
          return this.connect();
        }
        this.#startOver(); // nothing works: the server is away, not the way blocked
      }
    }
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#failures) * (0.5 + Math.random());
    this.#failures += 1;
    this.#after("retry", wait, () => this.connect());
  }

  #startOver() {
    this.#proven.clear();
    this.way = this.preferred;
    this.#tries = 0;
  }

  #leave(state) {
    this.state = state;
    for (const name of ["opening", "retry", "answer"]) clearTimeout(this.#timers[name]);
    clearInterval(this.#timers.beat);
    this.#transport?.close();
    this.#transport = null;
  }

  #after(name, milliseconds, action) {
    clearTimeout(this.#timers[name]);
    this.#timers[name] = setTimeout(action, milliseconds);
  }
}

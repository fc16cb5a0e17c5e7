// Three ways to the server: WebSocket, a streamed answer (text/event-stream), one question a second.
//
// One job: carry joins there and messages back. Must not know: what they say, when to try again.
//
// Each takes on = {open(), message(object), close(status)} and gives {join(list), close(), serverBeats}.
// close(status) is called once, when the way is lost by itself; never after our own close().

import { simulateLatency } from "./latency.js";

const POLL_MILLISECONDS = 1000;

/** "socket": the list is sent as one text frame {"join": [[address, version], …]}. */
export function openSocket(on) {
  const socket = new WebSocket(new URL("/live/socket", location.href.replace(/^http/, "ws")));
  socket.onopen = on.open;
  socket.onmessage = (event) => on.message(JSON.parse(event.data));
  socket.onclose = () => on.close(0);
  return {
    serverBeats: false,
    async join(list) {
      await simulateLatency();
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ join: list }));
    },
    close() {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    },
  };
}

async function post(path, list, accept, signal) {
  await simulateLatency();
  const headers = { "Content-Type": "application/json", Accept: accept };
  return fetch(path, { method: "POST", credentials: "same-origin", headers, signal, body: JSON.stringify({ join: list }) });
}

/** "stream": the list travels in the request itself, so that any worker can answer; a new list is a new request. */
export function openStream(on) {
  let request = null;
  async function join(list) {
    request?.abort();
    const mine = (request = new AbortController());
    let status = 0;
    try {
      const response = await post("/live/events", list, "text/event-stream", mine.signal);
      status = response.status;
      if (!response.ok) throw new TypeError(`the stream answered ${status}`);
      on.open();
      await readEvents(response.body, on.message);
    } catch {
      // told below; an aborted request is told to nobody
    }
    if (!mine.signal.aborted) on.close(status);
  }
  return { serverBeats: true, join, close: () => request?.abort() };
}

/** HTML standard, "Server-sent events": events end with an empty line; ours have one data line each. */
async function readEvents(body, give) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    for (const event of events) if (event.startsWith("data: ")) give(JSON.parse(event.slice(6)));
  }
}

/** "poll": where the server can hold no connection (WSGI). */
export function openPoll(on) {
  let timer = null;
  let request = null;
  let current = [];
  const wait = () => {
    timer = setTimeout(() => (document.hidden ? wait() : ask()), POLL_MILLISECONDS);
  };
  async function ask() {
    clearTimeout(timer);
    request?.abort();
    const mine = (request = new AbortController());
    try {
      const response = await post("/live/join", current, "application/json", mine.signal);
      if (!response.ok) throw new TypeError(`the poll answered ${response.status}`);
      const messages = await response.json();
      on.open();
      messages.forEach(on.message);
    } catch {
      if (!mine.signal.aborted) on.close(0);
      return;
    }
    wait();
  }
  return {
    serverBeats: true,
    join(list) {
      current = list;
      return ask();
    },
    close() {
      clearTimeout(timer);
      request?.abort();
    },
  };
}

// A slow network for whoever builds pages: live.latency(300) in the console, live.latency(0) ends it.
//
// One job: the delay of everything that this client sends. Must not know: what is sent.

const KEY = "live-latency-milliseconds";

/** Set the delay of each request and message in milliseconds; it lasts until the tab is closed. */
export function setLatency(milliseconds) {
  if (milliseconds > 0) sessionStorage.setItem(KEY, String(milliseconds));
  else sessionStorage.removeItem(KEY);
}

export async function simulateLatency() {
  const milliseconds = Number(sessionStorage.getItem(KEY));
  if (milliseconds > 0) await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

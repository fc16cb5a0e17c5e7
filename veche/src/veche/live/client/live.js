// The live client of one page: navigation, forms and live parts, put together.
//
// One job: start the parts and tell each what concerns it. No part of a page needs any of this to work.

import { Connection } from "./connection.js";
import { startForms } from "./forms.js";
import { fillLazy, receive, shownFragments } from "./fragments.js";
import { setLatency } from "./latency.js";
import { refresh, startNavigation, visit } from "./navigation.js";
import { showConnection } from "./status.js";

const transport = document.head.querySelector("meta[name='live-transport']")?.content;

const connection = new Connection({
  preferred: transport === "poll" ? "poll" : "socket",
  list: shownFragments,
  on: { message: receive, state: showConnection },
});

startNavigation();
startForms();

let updating = false;
/** One join for all that changes in one task. */
function updateConnection() {
  if (updating) return;
  updating = true;
  queueMicrotask(() => {
    updating = false;
    connection.update();
  });
}

const credentials = () => document.head.querySelector("meta[name='live-viewer']")?.dataset.credentials;
let joinedWith = credentials();
/** A connection speaks for whoever opened it: after logging in, out or as another it is opened anew. */
function followViewer() {
  if (credentials() === joinedWith) return;
  joinedWith = credentials();
  connection.connect();
}

document.addEventListener("live:navigated", () => {
  fillLazy({ again: true });
  updateConnection();
});
document.addEventListener("live:morphed", (event) => {
  fillLazy();
  // An update of one part changes what the page shows only if it brought other parts with it.
  if (event.target === document || event.target.querySelector("[data-live]")) updateConnection();
  if (event.target === document) followViewer();
});
document.addEventListener("visibilitychange", () => document.hidden || connection.visible());
addEventListener("online", () => {
  connection.online();
  fillLazy();
});
addEventListener("offline", () => connection.offline());
addEventListener("pagehide", () => connection.close());
addEventListener("pageshow", (event) => event.persisted && connection.connect());

fillLazy();
connection.connect();

// For the console and the page's own scripts: live.latency(300), live.drop(), live.visit("/courses").
window.live = { connection, drop: () => connection.drop(), latency: setLatency, refresh, visit };

// Links, back and forward without a full load, and an address bar that tells the truth.
//
// One job: which address is shown, and the browser's history of it.
// Must not know: forms' fields, fragments, sockets. A page is always fetched anew: no copy of an old one is ever shown.
//
// history.state of our entries: {live: 1, position, scroll: [x, y]}.

import { keepDrafts, restoreDrafts } from "./drafts.js";
import { canBecome, fetchPage, prepareHead, show, tell } from "./page.js";
import { announce, showLoading, text } from "./status.js";

const SCROLL_SAVE_MILLISECONDS = 150;

let position = 0;
let shownAddress = "";
let scrollTimer = null;
let jumping = false;
let request = null; // the navigation under way; a newer one ends it
let newest = 0;

const withoutHash = (url) => url.origin + url.pathname + url.search;

/**
 * Fetch an address and show it.
 *
 * mode: "push" a history entry after the answer, "replace" the present one, or "none" when the browser has already moved.
 * scroll: [x, y] to restore. submitted: what a form sent, when this page is the answer to it.
 */
export async function visit(address, { mode = "push", scroll = null, submitted, form, submitter } = {}) {
  const url = new URL(address, location.href);
  const turn = beginTurn();
  keepDrafts(shownAddress);
  request = new AbortController();
  const done = showLoading(form, submitter);
  try {
    const { response, next } = await fetchPage(url, { signal: request.signal });
    done();
    if (!isNewest(turn)) return;
    const arrived = new URL(response.url);
    arrived.hash ||= url.hash;
    if (response.status === 204) return;
    if (!next || !canBecome(next)) loadWhole(arrived, mode);
    else await arrive(turn, arrived, next, { mode, scroll, submitted });
  } catch (failure) {
    if (failure.name === "AbortError" || !isNewest(turn)) return;
    if (navigator.onLine || mode === "none") loadWhole(url, mode);
    else announce(text("failed"));
  } finally {
    done();
  }
}

/** Begin an exchange with the server; the answer to an older one must not be shown over a newer one. */
export function beginTurn() {
  request?.abort();
  request = null;
  newest += 1;
  return newest;
}

export const isNewest = (turn) => turn === newest;

export function loadWhole(url, mode = "push") {
  keepDrafts(shownAddress);
  if (mode === "none") location.reload();
  else if (mode === "replace") location.replace(url);
  else location.assign(url);
}

async function arrive(turn, url, next, { mode, scroll, submitted }) {
  const head = await prepareHead(next);
  if (!isNewest(turn)) return head.undo(); // somebody went elsewhere while style sheets came
  clearTimeout(scrollTimer);
  const reset = url.pathname + url.search !== shownAddress;
  const direction = writeHistory(url, mode);
  shownAddress = url.pathname + url.search;
  await show(next, head, { reset, submitted });
  restoreDrafts();
  const refines = mode === "replace"; // a filter changed the address: whoever types goes on typing
  if (reset && !refines) focusMain();
  if (scroll || (url.hash && (reset || mode !== "none"))) restoreScroll(scroll);
  else if (reset && !refines) scrollTo(0, 0);
  if (reset) announce(document.title);
  tell(document, "live:navigated", { url, direction });
}

function writeHistory(url, mode) {
  const before = position;
  if (mode === "none") {
    position = history.state?.position ?? position;
  } else if (mode === "replace" || url.href === location.href) {
    history.replaceState(stateNow(), "", url);
  } else {
    saveScroll();
    position += 1;
    history.pushState({ live: 1, position, scroll: [0, 0] }, "", url);
  }
  return position < before ? "back" : "forward";
}

const stateNow = () => ({ live: 1, position, scroll: [scrollX, scrollY] });

function saveScroll() {
  clearTimeout(scrollTimer);
  history.replaceState(stateNow(), "");
}

/** Without a place of its own, the browser's jump: it scrolls, marks :target and moves the start of tabbing. */
function restoreScroll(scroll) {
  if (scroll) return scrollTo(...scroll);
  if (!location.hash) return scrollTo(0, 0);
  jumping = true; // popstate comes while this line runs
  location.replace(location.hash);
  jumping = false;
  history.replaceState(stateNow(), "");
}

/** Where a full load would put a screen reader: on the new page, not on the link of the old one. */
export function focusMain() {
  const target =
    document.querySelector("[autofocus]") ?? document.querySelector("main h1, [role=main] h1") ?? document.querySelector("main");
  if (!target) return;
  if (!target.hasAttribute("autofocus") && !target.hasAttribute("tabindex")) target.tabIndex = -1;
  target.focus({ preventScroll: true });
}

/** The link's address if this client may follow it, else null: then the browser does what it always did. */
function linkOf(event) {
  if (event.defaultPrevented || event.button !== 0) return null;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return null;
  const link = event.target.closest?.("a[href]");
  if (!(link instanceof HTMLAnchorElement) || link.hasAttribute("download")) return null;
  if ((link.target && link.target !== "_self") || link.relList.contains("external")) return null;
  if (link.closest("[data-live-off]") || link.isContentEditable) return null;
  const url = new URL(link.href);
  if (url.origin !== location.origin) return null;
  if (url.hash && withoutHash(url) === withoutHash(location)) return null;
  return link;
}

function onClick(event) {
  const link = linkOf(event);
  if (!link || !tell(link, "live:visit", { url: link.href })) return;
  event.preventDefault();
  visit(link.href, { mode: link.hasAttribute("data-live-replace") ? "replace" : "push" });
}

function onPopState() {
  clearTimeout(scrollTimer);
  if (jumping) return;
  const samePage = location.pathname + location.search === shownAddress;
  const { state } = history;
  if (state?.live !== 1) {
    if (!samePage) return void visit(location.href, { mode: "none" });
    // A jump within the page, by the browser: the entry is new and has no state of ours yet. It scrolls after this event.
    position += 1;
    history.replaceState({ live: 1, position, scroll: null }, "");
    return;
  }
  if (samePage) {
    beginTurn(); // the visit that was under way belongs to an entry that was left
    position = state.position;
    restoreScroll(state.scroll);
    return;
  }
  visit(location.href, { mode: "none", scroll: state.scroll });
}

function onScroll() {
  clearTimeout(scrollTimer);
  // While the browser has moved and the page has not yet, this scroll belongs to no entry.
  if (location.pathname + location.search === shownAddress) scrollTimer = setTimeout(saveScroll, SCROLL_SAVE_MILLISECONDS);
}

function restoreScrollAfterLoad() {
  const scroll = history.state?.scroll;
  if (!scroll) return;
  scrollTo(...scroll);
  const again = () => scrollTo(...scroll); // pictures have given the page its height by now
  const stop = () => removeEventListener("load", again);
  addEventListener("load", again, { once: true });
  for (const event of ["wheel", "touchmove", "keydown", "pointerdown"]) addEventListener(event, stop, { once: true, passive: true });
}

/** Show the present address again, as it is now; nothing of its user's is lost. */
export function refresh() {
  return visit(location.href, { mode: "none" });
}

export function startNavigation() {
  shownAddress = location.pathname + location.search;
  position = history.state?.position ?? history.length;
  history.scrollRestoration = "manual";
  if (history.state?.live === 1) restoreScrollAfterLoad();
  else history.replaceState(stateNow(), "");
  document.addEventListener("click", onClick);
  addEventListener("popstate", onPopState);
  addEventListener("scroll", onScroll, { passive: true });
  addEventListener("pagehide", () => keepDrafts(shownAddress));
  // Back from the browser's memory: shown at once, but perhaps hours old.
  addEventListener("pageshow", (event) => event.persisted && refresh());
  restoreDrafts();
}

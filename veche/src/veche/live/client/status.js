// What the page says about itself: classes on <html> for the style sheet, words for the screen reader.
//
// One job: show states. Must not know: why a state changed.
//
// Classes: live-connected, live-offline (one or none of them), live-loading while a page or a form is under way.
// Words: <meta name="live-text-…" content="…">, in the page's language; the English ones below stand in.

import { locked } from "./morph.js";

const TEXTS = {
  failed: "Not sent: the server could not be reached. What you wrote is still here.",
  loading: "Loading",
};

export const root = document.documentElement;
let announcer = null;
let underWay = 0;

export function text(name) {
  return document.head.querySelector(`meta[name="live-text-${name}"]`)?.content ?? TEXTS[name];
}

/** Let a screen reader say the words (WAI-ARIA 1.2 "status": polite, does not move the focus). */
export function announce(words) {
  if (!announcer?.isConnected) {
    announcer = document.createElement("div");
    announcer.setAttribute("role", "status");
    announcer.setAttribute("data-live-keep", "");
    announcer.setAttribute("data-live-ignore", "");
    // Through the object model: a content security policy may forbid style attributes, never these.
    Object.assign(announcer.style, { position: "fixed", inset: "0 auto auto 0", width: "1px", height: "1px" });
    Object.assign(announcer.style, { overflow: "hidden", clipPath: "inset(50%)", whiteSpace: "nowrap" });
    document.body.append(announcer);
  }
  announcer.textContent = words;
}

export function showConnection(state) {
  root.classList.toggle("live-connected", state === "connected");
  root.classList.toggle("live-offline", state === "offline");
}

/** Mark the page, and the form and button that caused it, as busy; the function returned takes the marks away. */
export function showLoading(form, submitter) {
  const elements = [form, submitter].filter(Boolean);
  const disabled = submitter?.disabled;
  underWay += 1;
  root.classList.add("live-loading");
  for (const element of elements) {
    element.classList.add("live-loading");
    element.setAttribute("aria-busy", "true");
    locked.add(element);
  }
  if (submitter) submitter.disabled = true;
  let done = false;
  return () => {
    if (done) return;
    done = true;
    underWay -= 1;
    if (!underWay) root.classList.remove("live-loading");
    for (const element of elements) {
      locked.delete(element);
      element.classList.remove("live-loading");
      element.removeAttribute("aria-busy");
    }
    if (submitter) submitter.disabled = disabled;
  };
}

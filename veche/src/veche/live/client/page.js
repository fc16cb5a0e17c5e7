// Whole pages: fetch one, judge whether this document may become it, and let it become it.
//
// One job: from an address to a changed document.
// Must not know: clicks, the history, sockets.

import { simulateLatency } from "./latency.js";
import { morph } from "./morph.js";
import { root } from "./status.js";

const STYLE_WAIT_MILLISECONDS = 1000;

/** Tell the page's own scripts; false when one of them said preventDefault(). */
export function tell(target, name, detail) {
  return target.dispatchEvent(new CustomEvent(name, { bubbles: true, cancelable: true, detail }));
}

/** Return {response, next}; next is the parsed document, or null when the answer is not a page. */
export async function fetchPage(url, options) {
  await simulateLatency();
  const headers = { Accept: "text/html, application/xhtml+xml" };
  const response = await fetch(url, { credentials: "same-origin", headers, ...options });
  const isPage = response.headers.get("Content-Type")?.startsWith("text/html");
  const next = isPage ? parse(await response.text()) : null;
  return { response, next };
}

export function parse(html) {
  const next = new DOMParser().parseFromString(html, "text/html");
  // Parsed without scripting, its content would become elements; with scripting it is text that nobody sees.
  for (const element of next.querySelectorAll("noscript")) element.remove();
  return next;
}

const tracked = (page) =>
  [...page.querySelectorAll("script:not([type='application/ld+json'], [type='application/json']), style, [data-live-track]")]
    .map((element) => element.src || element.href || element.textContent)
    .sort()
    .join("\n");

// As served: what extensions and widgets add later is no difference between two pages.
const trackedAtLoad = tracked(document);

/** Scripts cannot be taken back, inline styles are bound to their own nonce, layouts differ in everything: loaded whole. */
export function canBecome(next) {
  return root.dataset.layout === next.documentElement.dataset.layout && trackedAtLoad === tracked(next);
}

/** Let this document become `next`, whose head is prepared. For reset and submitted see morph(). */
export async function show(next, head, options) {
  const detail = { next, ...options };
  if (!tell(document, "live:before-morph", detail)) return head.undo();
  const change = () => {
    copyAttributes(next.documentElement);
    morph(document.body, next.body, options);
    head.finish();
  };
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const wanted = document.head.querySelector("meta[name='view-transition'][content='same-origin']");
  if (options.reset && wanted && !calm && document.startViewTransition) {
    await document.startViewTransition(change).updateCallbackDone;
  } else {
    change();
  }
  tell(document, "live:morphed", detail);
}

function copyAttributes(next) {
  const ours = [...root.classList].filter((name) => name.startsWith("live-"));
  for (const { name } of [...root.attributes]) if (!next.hasAttribute(name)) root.removeAttribute(name);
  for (const { name, value } of next.attributes) root.setAttribute(name, value);
  root.classList.add(...ours);
}

/** Add what is new in the head and wait for its style sheets; then finish() removes what is old, or undo() what is new. */
export async function prepareHead(next) {
  const merged = (head) => [...head.querySelectorAll("meta, link, base")];
  const olds = new Map(merged(document.head).map((element) => [element.outerHTML, element]));
  const added = [];
  const loading = [];
  for (const element of merged(next.head)) {
    if (olds.delete(element.outerHTML)) continue;
    const copy = document.importNode(element, true);
    if (copy.relList?.contains("stylesheet")) {
      loading.push(new Promise((resolve) => { copy.onload = copy.onerror = resolve; }));
    }
    document.head.append(copy);
    added.push(copy);
  }
  const longest = new Promise((resolve) => setTimeout(resolve, STYLE_WAIT_MILLISECONDS));
  if (loading.length) await Promise.race([Promise.all(loading), longest]);
  return {
    finish() {
      document.title = next.title;
      for (const element of olds.values()) element.remove();
    },
    undo: () => added.forEach((element) => element.remove()),
  };
}

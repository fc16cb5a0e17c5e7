// The live parts of a page: what it shows of them, and what becomes of them when the server says something.
//
// One job: between elements with data-live="address" data-version="…" and messages.
// Must not know: how messages travel.

import { morph } from "./morph.js";
import { fetchPage, tell } from "./page.js";

const MOST_PARTS = 100; // the server takes fewer, and says so; a longer list could be too large a message

const filled = new WeakSet();
const underWay = new WeakSet();

/** What this page shows, as [[address, version], …]: the words of every join. */
export function shownFragments() {
  const elements = [...document.querySelectorAll("[data-live]")].slice(0, MOST_PARTS);
  return elements.map((element) => [element.dataset.live, element.dataset.version ?? ""]);
}

const find = (address) => document.querySelector(`[data-live="${CSS.escape(address)}"]`);

/** A durable version begins with its number; a digest does not, and is never older or newer. */
const revision = (version) => (/^\d/.test(version) ? parseInt(version, 10) : NaN);

function showHtml({ address, version, html }) {
  const element = find(address);
  if (!element) return; // the page has moved on
  // A page just fetched may be ahead of what the socket was about to say.
  if (revision(version) < revision(element.dataset.version)) return;
  const template = document.createElement("template");
  template.innerHTML = html;
  if (!tell(element, "live:before-morph", { address, version, next: template.content })) return;
  const next = element.cloneNode(false);
  next.append(template.content);
  morph(element, next, { childrenOnly: true });
  element.dataset.version = version;
  tell(element, "live:morphed", { address, version });
}

/** The right to see it is gone, or it is: what must not be seen is not left standing. */
function showGone({ address }) {
  const element = find(address);
  if (!element) return;
  element.replaceChildren();
  element.removeAttribute("data-live");
  element.removeAttribute("data-version");
  tell(element, "live:gone", { address });
}

export function receive(message) {
  if (message.type === "html") showHtml(message);
  else if (message.type === "gone") showGone(message);
  else if (message.over?.length) console.warn("live: too many live parts on one page; these stay still:", message.over);
}

/** Fetch what the layout did not wait for: <div id="unread" data-live-lazy="/unread">…</div>. */
export async function fillLazy({ again = false } = {}) {
  const wanted = (element) => !underWay.has(element) && (again || !filled.has(element));
  await Promise.all([...document.querySelectorAll("[data-live-lazy]")].filter(wanted).map(fill));
}

async function fill(element) {
  filled.add(element);
  underWay.add(element);
  const address = element.dataset.liveLazy;
  try {
    const { response, next } = await fetchPage(address, {});
    if (!response.ok || !next || element.dataset.liveLazy !== address) return void filled.delete(element);
    const part = (element.id && next.getElementById(element.id)) || next.body;
    morph(element, part, { childrenOnly: true });
    tell(element, "live:morphed", { address });
  } catch {
    filled.delete(element); // no connection: the next reconnect asks again
  } finally {
    underWay.delete(element);
  }
}

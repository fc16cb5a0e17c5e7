// Make one tree look like another without losing what the browser and its user hold in it.
//
// One job: from old nodes and new HTML to the fewest changes. Ids are keys: an element keeps its identity (focus, caret,
// playing media, open details, loaded frames) wherever its id appears in the new tree.
// Must not know: addresses, fragments, the network.

import { belongsToUser, isControl, rememberChoice, showServerValue } from "./inputs.js";

const ELEMENT = 1;
const LOCKED_ATTRIBUTES = new Set(["disabled", "aria-busy", "class"]);

/** Elements whose request is under way; until the answer they keep the state that the client gave them. */
export const locked = new WeakSet();

/**
 * Make `target` equal to `next` (an element of any document, which is left in pieces).
 *
 * childrenOnly: leave the target's own attributes. reset: the server's values win in every control (another page).
 * submitted: Map of control → value sent, for the answer to a form.
 */
export function morph(target, next, { childrenOnly = false, reset = false, submitted = new Map() } = {}) {
  const context = { reset, submitted, used: new Set(), pantry: null, ...findPersistent(target, next) };
  const restoreFocus = rememberFocus();
  context.used.add(target);
  if (childrenOnly) updateChildren(target, next, context);
  else updateElement(target, next, context);
  context.pantry?.remove();
  restoreFocus();
}

const idOf = (node) => (node.nodeType === ELEMENT ? node.getAttribute("id") : null);

/** The elements that stand in both trees by id, and for every node the persistent ids inside it. */
function findPersistent(target, next) {
  const oldById = new Map();
  for (const element of target.querySelectorAll("[id]")) {
    if (!oldById.has(element.id)) oldById.set(idOf(element), element);
  }
  const persistent = new Map();
  const idsInside = new Map();
  const note = (element, root, id) => {
    for (let node = element; node && node !== root; node = node.parentNode) {
      if (!idsInside.has(node)) idsInside.set(node, new Set());
      idsInside.get(node).add(id);
    }
  };
  for (const element of next.querySelectorAll("[id]")) {
    const id = idOf(element);
    const old = oldById.get(id);
    if (persistent.has(id) || old?.nodeName !== element.nodeName) continue;
    persistent.set(id, old);
    note(old, target, id);
    note(element, next, id);
  }
  return { persistent, idsInside };
}

function rememberFocus() {
  const active = document.activeElement;
  let selection = null;
  try {
    selection = [active.selectionStart, active.selectionEnd, active.selectionDirection];
  } catch {
    // Chromium throws for controls without a caret
  }
  return () => {
    if (!active?.isConnected || active === document.activeElement || active === document.body) return;
    active.focus({ preventScroll: true });
    if (selection?.[0] != null) active.setSelectionRange(...selection);
  };
}

function updateNode(old, next, context) {
  if (old.nodeType === ELEMENT) updateElement(old, next, context);
  else if (old.nodeValue !== next.nodeValue) old.nodeValue = next.nodeValue;
}

function updateElement(old, next, context) {
  if (old.hasAttribute("data-live-ignore")) return;
  // An empty place for a fragment that is already shown: the fragment has its own versions, this HTML does not know them.
  if (next.dataset?.version === "" && old.dataset.live && old.dataset.live === next.dataset.live) return;
  const control = isControl(old);
  const mine = control && belongsToUser(old, context);
  if (old.localName === "dialog" && old.open && context.reset && !next.hasAttribute("open")) old.close();
  updateAttributes(old, next, context, mine);
  if (mine && old.localName === "textarea") return;
  const restoreChoice = mine && old.localName === "select" ? rememberChoice(old) : null;
  // Lazy content that is already here stays until its own answer comes.
  if (!(old.dataset.liveLazy && old.dataset.liveLazy === next.dataset.liveLazy)) updateChildren(old, next, context);
  restoreChoice?.();
  if (control && !mine) showServerValue(old);
}

function updateAttributes(old, next, context, mine) {
  const kept = (name) =>
    (mine && (name === "value" || name === "checked")) ||
    (name === "open" && !context.reset && (old.localName === "details" || old.localName === "dialog")) ||
    (locked.has(old) && LOCKED_ATTRIBUTES.has(name));
  for (const attribute of next.attributes) {
    const { name, value } = attribute;
    if (!kept(name) && old.getAttribute(name) !== value) old.setAttributeNode(attribute.cloneNode());
  }
  for (const { name } of [...old.attributes]) {
    if (!kept(name) && !next.hasAttribute(name)) old.removeAttribute(name);
  }
}

function updateChildren(parent, next, context) {
  const olds = [...parent.childNodes];
  const news = [...next.childNodes];
  const { matches, equal } = matchChildren(olds, news, context);
  const stays = removeUnmatched(olds, context);
  const unmoved = longestRise(news.map((node) => matches.get(node)).filter((old) => old?.parentNode === parent), stays);
  let after = null;
  for (let index = news.length - 1; index >= 0; index--) {
    const old = matches.get(news[index]);
    if (!old) matches.set(news[index], create(news[index], context));
    const node = matches.get(news[index]);
    if (!old || !unmoved.has(old)) place(parent, node, after);
    after = node;
  }
  for (const node of news) {
    if (!equal.has(node)) updateMatched(matches.get(node), node, context);
  }
}

function updateMatched(old, next, context) {
  if (context.created?.delete(old)) {
    if (context.idsInside.has(next)) updateChildren(old, next, context);
  } else {
    updateNode(old, next, context);
  }
}

/** New nodes come whole, except that a persistent element inside them is fetched from where it is. */
function create(next, context) {
  const node = document.importNode(next, !context.idsInside.has(next));
  context.created ??= new Set();
  context.created.add(node);
  return node;
}

/** Which old child becomes which new one: by id, then equal ends, then by the ids inside, then by kind. */
function matchChildren(olds, news, context) {
  const matches = new Map();
  const equal = new Set();
  const pair = (next, old) => {
    matches.set(next, old);
    context.used.add(old);
  };
  const free = (old) => old && !context.used.has(old) && !context.persistent.has(idOf(old));
  for (const node of news) {
    const old = context.persistent.get(idOf(node));
    if (old && old.nodeName === node.nodeName && !context.used.has(old)) pair(node, old);
  }
  const walkEqual = (at) => {
    for (let step = 0; step < Math.min(olds.length, news.length); step++) {
      const [old, node] = [at(olds, step), at(news, step)];
      if (matches.get(node) === old) continue;
      if (matches.has(node) || !free(old) || !old.isEqualNode(node)) return;
      pair(node, old);
      if (!context.reset && !context.submitted.size) equal.add(node); // else controls inside must be looked at
    }
  };
  walkEqual((list, step) => list[step]);
  walkEqual((list, step) => list[list.length - 1 - step]);
  for (const node of news) {
    const inside = context.idsInside.get(node);
    if (!inside || matches.has(node)) continue;
    const shares = (old) => [...(context.idsInside.get(old) ?? [])].some((id) => inside.has(id));
    const old = olds.find((candidate) => free(candidate) && sameKind(candidate, node) && shares(candidate));
    if (old) pair(node, old);
  }
  const rest = olds.filter((old) => free(old) && !context.idsInside.has(old));
  for (const node of news) {
    if (matches.has(node)) continue;
    const index = rest.findIndex((old) => sameKind(old, node));
    if (index >= 0) pair(node, rest.splice(index, 1)[0]);
  }
  return { matches, equal };
}

const IDENTIFYING = { form: ["action"], input: ["name", "type"], select: ["name"], textarea: ["name"], iframe: ["src"] };

/** May the old node become the new one? Never when an id, a field's name or a form's address says they are two things. */
function sameKind(old, next) {
  if (old.nodeType !== next.nodeType || old.nodeName !== next.nodeName) return false;
  if (old.nodeType !== ELEMENT) return true;
  const names = ["id", "data-live-keep", "data-live", ...(IDENTIFYING[old.localName] ?? [])];
  return names.every((name) => old.getAttribute(name) === next.getAttribute(name));
}

/** Take away what is not wanted here; a persistent element inside it waits in the pantry for its new place. */
function removeUnmatched(olds, context) {
  const stays = new Map();
  for (const [index, old] of olds.entries()) {
    const keep = old.nodeType === ELEMENT && old.hasAttribute("data-live-keep");
    if (context.used.has(old) || keep) {
      stays.set(old, index);
      continue;
    }
    for (const id of context.idsInside.get(old) ?? []) {
      const element = context.persistent.get(id);
      if (context.used.has(element) || !old.contains(element) || context.pantry?.contains(element)) continue;
      place(openPantry(context), element, null);
    }
    if (old.parentNode !== context.pantry || !context.pantry) old.remove();
  }
  return stays;
}

function openPantry(context) {
  if (!context.pantry) {
    context.pantry = document.createElement("div");
    context.pantry.hidden = true;
    document.documentElement.append(context.pantry);
  }
  return context.pantry;
}

/** Put the node before `after`, with its state where the browser can (a moved frame does not load again). */
function place(parent, node, after) {
  if (parent.moveBefore && node.isConnected && parent.isConnected && node.nodeType === ELEMENT) {
    parent.moveBefore(node, after);
  } else {
    parent.insertBefore(node, after);
  }
}

/** The largest set of nodes that already stand in the right order: these are not moved. */
function longestRise(nodes, positions) {
  const tails = [];
  const before = new Map();
  for (const node of nodes) {
    let low = 0;
    let high = tails.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (positions.get(tails[middle]) < positions.get(node)) low = middle + 1;
      else high = middle;
    }
    before.set(node, tails[low - 1]);
    tails[low] = node;
  }
  const rise = new Set();
  for (let node = tails.at(-1); node; node = before.get(node)) rise.add(node);
  return rise;
}

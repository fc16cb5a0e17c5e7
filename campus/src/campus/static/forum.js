// What the forum adds to its live pages: staying at the bottom, the mark for news below, reading, preview while typing.
//
// One job: comfort. Without this file every page and every form works; the live client brings the messages.
// Must not know: how messages arrive (veche.live does: live:before-morph, live:morphed).

const READ_MILLISECONDS = 600;
const PREVIEW_MILLISECONDS = 400;

const one = (selector) => document.querySelector(selector);
const lastMessage = () => one(".thread .messages > .message:last-of-type");
const numberOf = (message) => Number(message?.id.slice(1) ?? 0);
const holdsMessages = (target) => target instanceof Element && target.dataset.live?.startsWith("thread-messages?");

/** The reader is at the bottom when the end of the newest message is on the screen. */
function isAtBottom() {
  const message = lastMessage();
  return Boolean(message) && message.getBoundingClientRect().bottom <= innerHeight;
}

let before = { atBottom: false, number: 0, composerTop: 0 };
const composerTop = () => one("#composer")?.getBoundingClientRect().top ?? 0;

function remember(event) {
  if (!holdsMessages(event.target)) return;
  before = { atBottom: isAtBottom(), number: numberOf(lastMessage()), composerTop: composerTop() };
}

function follow(event) {
  if (!holdsMessages(event.target)) return;
  const message = lastMessage();
  if (numberOf(message) <= before.number) return;
  if (before.atBottom) {
    // The composer stays where it is, under the hands of whoever writes in it; the new message appears above.
    scrollBy(0, composerTop() - before.composerTop);
    message.scrollIntoView({ block: "nearest" });
  } else if (before.number) {
    showMark(before.number + 1);
  }
  noteRead();
}

function showMark(number) {
  const mark = one(".new-below");
  if (!mark?.hidden) return;
  mark.querySelector("a").setAttribute("href", `#m${number}`);
  mark.hidden = false;
}

let reading = null;
let noted = "";

/** Tell the server what has been on the screen, so that it is unread nowhere else. */
function noteRead() {
  clearTimeout(reading);
  reading = setTimeout(() => {
    const address = one("[data-read-url]")?.dataset.readUrl;
    if (!address || document.hidden || !isAtBottom()) return;
    const last = numberOf(lastMessage());
    if (noted === `${address} ${last}`) return;
    noted = `${address} ${last}`;
    fetch(address, { method: "POST", body: new URLSearchParams({ last }) }).catch(() => {
      noted = ""; // no connection: the next message says it again
    });
  }, READ_MILLISECONDS);
}

/** What the server has noted already when it made the page. */
function startReading() {
  const address = one("[data-read-url]")?.dataset.readUrl;
  noted = address ? `${address} ${numberOf(lastMessage())}` : "";
}

function onScroll() {
  const mark = one(".new-below");
  if (mark && !mark.hidden && isAtBottom()) {
    mark.hidden = true;
    noteRead();
  }
}

let previewing = null;

/** Once somebody has asked for a preview it follows what they type. */
function onInput(event) {
  const form = event.target.closest?.(".composer form");
  if (!form || !one("#preview")?.firstElementChild) return;
  clearTimeout(previewing);
  previewing = setTimeout(() => form.isConnected && form.requestSubmit(form.elements.preview), PREVIEW_MILLISECONDS);
}

/** Ctrl+Enter, or Command+Enter, sends. */
function onKey(event) {
  const form = event.target.closest?.(".composer form");
  if (!form || event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  form.requestSubmit();
}

document.addEventListener("live:before-morph", remember);
document.addEventListener("live:morphed", follow);
document.addEventListener("live:navigated", startReading);
document.addEventListener("visibilitychange", noteRead);
document.addEventListener("input", onInput);
document.addEventListener("keydown", onKey);
addEventListener("scroll", onScroll, { passive: true });
startReading();

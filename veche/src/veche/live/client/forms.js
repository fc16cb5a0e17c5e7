// Forms: sent once, answered in place, nothing lost when the answer does not come.
//
// One job: from a submit event to the server's answer on the page.
// Must not know: what the fields mean, fragments, sockets.
//
// <form data-live-off> is the browser's own; data-live-auto="300" sends a search form while it is typed in;
// data-live-replace leaves no history entry; a button's data-live-target="id" shows only that element of the answer.

import { addressNow, forgetDraft, keepDrafts } from "./drafts.js";
import { currentValue } from "./inputs.js";
import { morph } from "./morph.js";
import { beginTurn, focusMain, isNewest, loadWhole, visit } from "./navigation.js";
import { fetchPage, prepareHead, show, tell } from "./page.js";
import { announce, showLoading, text } from "./status.js";

const AUTO_MILLISECONDS = 300;

const busy = new WeakSet();
const partsUnderWay = new WeakMap();
const timers = new WeakMap();

/** What is sent and where to, as the HTML standard's form submission says; null when it is not ours. */
function submissionOf(form, submitter) {
  const own = (name) => submitter?.getAttribute(`form${name}`) ?? form.getAttribute(name) ?? "";
  const method = own("method").toLowerCase() || "get";
  const target = own("target");
  const url = new URL(own("action") || location.href, document.baseURI);
  if (method === "dialog" || (target && target !== "_self") || url.origin !== location.origin) return null;
  if (form.closest("[data-live-off]") || submitter?.hasAttribute("data-live-off")) return null;
  const data = new FormData(form, submitter);
  const isMultipart = own("enctype") === "multipart/form-data";
  return { method, url, data, body: isMultipart ? data : new URLSearchParams(data) };
}

function onSubmit(event) {
  if (event.defaultPrevented) return;
  const form = event.target;
  const submitter = event.submitter;
  if (busy.has(form)) return event.preventDefault(); // the first click counts
  const submission = submissionOf(form, submitter);
  if (!submission || !tell(form, "live:submit", { submitter })) return;
  event.preventDefault();
  clearTimeout(timers.get(form));
  const wanted = submitter?.dataset.liveTarget ?? form.dataset.liveTarget;
  if (wanted) showPart(form, submitter, submission, wanted);
  else if (submission.method === "get") search(form, submitter, submission);
  else send(form, submitter, submission);
}

function search(form, submitter, { url, body }) {
  url.search = new URLSearchParams(body);
  const replace = form.hasAttribute("data-live-replace") || form.hasAttribute("data-live-auto");
  visit(url, { mode: replace ? "replace" : "push", form, submitter, submitted: snapshot(form) });
}

const snapshot = (form) => new Map([...form.elements].map((control) => [control, currentValue(control)]));

/** POST the form. "Live-Request" asks for redirects in words, because a followed redirect loses its #fragment. */
async function send(form, submitter, { url, body }) {
  const submitted = snapshot(form);
  const address = addressNow();
  const turn = beginTurn();
  const done = showLoading(form, submitter);
  busy.add(form);
  form.classList.remove("live-failed");
  keepDrafts();
  try {
    const headers = { Accept: "text/html", "Live-Request": "1" };
    const { response, next } = await fetchPage(url, { method: "POST", body, headers });
    done();
    if (response.ok) forgetDraft(form, address, submitted);
    if (isNewest(turn)) await answer(form, submitter, response, next, submitted);
  } catch (failure) {
    fail(form, failure);
  } finally {
    busy.delete(form);
    done();
  }
}

async function answer(form, submitter, response, next, submitted) {
  const location_ = response.headers.get("Live-Location") ?? (response.redirected ? response.url : null);
  if (location_) {
    const url = new URL(location_, response.url);
    if (url.origin !== location.origin) return loadWhole(url);
    return visit(url, { submitted, form, submitter });
  }
  if (response.status === 204) return;
  if (!next) throw new TypeError(`the answer to a form is ${response.headers.get("Content-Type")}; expected a page`);
  await show(next, await prepareHead(next), { reset: false, submitted });
  const invalid = document.querySelector("[aria-invalid=true]");
  if (invalid) return invalid.focus();
  if (form.isConnected) return;
  focusMain();
  scrollTo(0, 0);
  announce(document.title);
}

/** The request may or may not have arrived, so it is not repeated by itself; what was typed stays for a second try. */
function fail(form, failure) {
  form.classList.add("live-failed");
  if (tell(form, "live:failed", { failure })) announce(text("failed"));
}

/**
 * Show one element of the answer, such as a preview; the page, its address and its history stay.
 *
 * The answer to a POST also says what is wrong with the form now: earlier complaints go. What is typed is never touched.
 */
async function showPart(form, submitter, { method, url, body }, id) {
  partsUnderWay.get(form)?.abort();
  const request = new AbortController();
  partsUnderWay.set(form, request);
  const done = showLoading(null, submitter);
  try {
    const options = method === "get" ? {} : { method: "POST", body };
    if (method === "get") url.search = new URLSearchParams(body);
    const { next } = await fetchPage(url, { ...options, signal: request.signal });
    const [old, part] = [document.getElementById(id), next?.getElementById(id)];
    if (!old || !part) throw new TypeError(`no element #${id} in the answer of ${url.pathname}`);
    const judged = method !== "get" && form.id ? next.getElementById(form.id) : null;
    if (judged?.localName === "form") morph(form, judged);
    if (!judged?.contains(part)) morph(old, part);
  } catch (failure) {
    if (failure.name !== "AbortError") fail(form, failure);
  } finally {
    done();
  }
}

function onInput(event) {
  const form = event.target.form;
  if (!form?.hasAttribute("data-live-auto")) return;
  clearTimeout(timers.get(form));
  const wait = Number(form.dataset.liveAuto) || AUTO_MILLISECONDS;
  timers.set(form, setTimeout(() => form.isConnected && form.requestSubmit(), wait));
}

export function startForms() {
  document.addEventListener("submit", onSubmit);
  document.addEventListener("input", onInput);
}

// What somebody typed and did not send, kept in this tab until they come back to the page.
//
// One job: from the dirty controls of forms that have an id to sessionStorage and back.
// Must not know: why the page is left. Passwords and files are never kept.

import { currentValue, isDirty } from "./inputs.js";

const KEY = "live-draft:";
const NEVER = new Set(["password", "file", "hidden", "submit", "button", "image", "reset"]);

const sent = new WeakSet();

/** A draft belongs to who wrote it: after logging out, the next person in this tab must not find it. */
const viewer = () => document.head.querySelector("meta[name='live-viewer']")?.content ?? "";
const keyOf = (form, address) => `${KEY}${viewer()}:${address}#${form.getAttribute("id")}`; // form.id may be a field named id
export const addressNow = () => location.pathname + location.search;

const forms = () =>
  [...document.querySelectorAll("form[id]")].filter((form) => !form.closest("[data-live-ignore], [data-live-off]"));

/** Keep the drafts of the page that is being left; `address` is its path and query. */
export function keepDrafts(address = addressNow()) {
  for (const form of forms()) {
    if (sent.has(form)) continue;
    const fields = [...form.elements]
      .map((control, index) => ({ control, index }))
      .filter(({ control }) => control.name && !NEVER.has(control.type) && "defaultValue" in control && isDirty(control))
      .map(({ control }) => [control.name, control.value, control.checked]);
    if (fields.length) sessionStorage.setItem(keyOf(form, address), JSON.stringify(fields));
    else sessionStorage.removeItem(keyOf(form, address));
  }
}

/** Give the drafts back to the page that is shown now. */
export function restoreDrafts() {
  for (const form of forms()) {
    const kept = sessionStorage.getItem(keyOf(form, addressNow()));
    if (!kept) continue;
    for (const [name, value, checked] of JSON.parse(kept)) {
      const ticked = (control) => control.type === "checkbox" || control.type === "radio";
      const control = [...form.elements].find(
        (candidate) => candidate.name === name && (!ticked(candidate) || candidate.value === value),
      );
      if (!control || NEVER.has(control.type) || isDirty(control)) continue;
      if (ticked(control)) control.checked = checked;
      else control.value = value;
    }
  }
}

/** The form of that address has reached the server: what was sent is no draft, what was typed since still is. */
export function forgetDraft(form, address, submitted) {
  if (form.hasAttribute("id")) sessionStorage.removeItem(keyOf(form, address));
  if (![...submitted].every(([control, value]) => currentValue(control) === value)) return;
  sent.add(form);
  form.addEventListener("input", () => sent.delete(form), { once: true });
}

// What is in an input belongs to the person in front of it.
//
// One job: say whether a control holds something of its user's, and set the others to what the server says.
// Must not know: where new HTML comes from, the network.

const TICKED = new Set(["checkbox", "radio"]);

export function isControl(element) {
  return ["input", "select", "textarea"].includes(element.localName);
}

/** The control's state as one string: what a later answer is compared with. */
export function currentValue(control) {
  if (TICKED.has(control.type)) return String(control.checked);
  if (control.localName === "select") return chosen(control).map((option) => option.value).join("\0");
  return control.value;
}

function chosen(select) {
  return [...select.options].filter((option) => option.selected);
}

/** What the server's HTML chose; without a `selected` attribute a one-line select shows its first usable option. */
function chosenByServer(select) {
  const options = [...select.options];
  const marked = options.filter((option) => option.defaultSelected);
  if (select.multiple) return marked;
  if (marked.length) return marked.slice(-1);
  return select.size > 1 ? [] : options.filter((option) => !option.disabled).slice(0, 1);
}

function differsFromServer(control) {
  if (control.type === "file") return control.files.length > 0;
  if (control.type === "hidden") return false; // its attribute is its value: a fresh token must always win
  if (TICKED.has(control.type)) return control.checked !== control.defaultChecked;
  if (control.localName === "select") {
    return currentValue(control) !== chosenByServer(control).map((option) => option.value).join("\0");
  }
  return control.value !== control.defaultValue;
}

/** True when the user changed the control and the server has not had the change yet. */
export function isDirty(control) {
  if (control.type !== "radio" || !control.name) return differsFromServer(control);
  // One choice is made of several buttons: none of them is clean when one of them is not.
  const scope = control.form ?? control.getRootNode();
  const group = scope.querySelectorAll(`input[type=radio][name="${CSS.escape(control.name)}"]`);
  return [...group].some(differsFromServer);
}

function isTypedInto(control) {
  return control === document.activeElement && !TICKED.has(control.type) && control.localName !== "select";
}

/**
 * True when the control's state must survive the server's HTML.
 * submitted: control → the value that was sent; what is still the same was answered by this HTML, newer input was not.
 */
export function belongsToUser(control, { reset, submitted }) {
  if (submitted.has(control)) return submitted.get(control) !== currentValue(control);
  return !reset && (isTypedInto(control) || isDirty(control));
}

/** Remember a select's choice across a change of its options. */
export function rememberChoice(select) {
  const values = new Set(chosen(select).map((option) => option.value));
  return () => {
    for (const option of select.options) option.selected = values.has(option.value);
  };
}

/** Make a clean control show what the server's HTML says; attributes alone do not, once it has been touched. */
export function showServerValue(control) {
  if (control.localName === "select") {
    const marked = new Set(chosenByServer(control));
    for (const option of control.options) option.selected = marked.has(option);
  } else if (TICKED.has(control.type)) {
    control.checked = control.defaultChecked;
  } else if (control.type === "file") {
    control.value = "";
  } else if (control.value !== control.defaultValue) {
    control.value = control.defaultValue;
  }
}

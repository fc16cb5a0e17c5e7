// Times of day in the reader's own zone: the server knows none, so it writes UTC.
//
// One job: <time datetime="…T…"> → local words. Must not know: where the HTML came from.
//
// What arrives later (a live part, a morph) is seen by the observer before it is painted.

const formats = new Map();

function format(language) {
  if (!formats.has(language)) formats.set(language, new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }));
  return formats.get(language);
}

function show(element) {
  const moment = new Date(element.dateTime);
  if (!element.dateTime.includes("T") || Number.isNaN(moment.getTime())) return;
  const language = element.closest("[lang]")?.lang || "en";
  if (element.hasAttribute("title")) {
    const title = format(language).format(moment); // its text is "5 minutes ago"
    if (element.title !== title) element.title = title;
    return;
  }
  const words = format(language).format(moment);
  if (element.textContent !== words) element.textContent = words;
}

function showAll(root) {
  const element = root.nodeType === Node.ELEMENT_NODE ? root : root.parentElement;
  if (!element) return;
  const own = element.closest("time");
  if (own) show(own);
  else element.querySelectorAll("time").forEach(show);
}

new MutationObserver((changes) => {
  for (const change of changes) {
    if (change.type === "childList") change.addedNodes.forEach(showAll);
    else showAll(change.target);
  }
}).observe(document.documentElement, {
  subtree: true,
  childList: true,
  characterData: true,
  attributeFilter: ["datetime", "title"],
});
showAll(document.body);

// Forms: errors get the focus, Ctrl+Enter sends, months are chosen by template, unsaved work is guarded, a double
// click sends once.
import { all, one } from "./dom.js";

const touched = new WeakSet();
const sent = new WeakSet();
const AGAIN = 2000; // milliseconds after which the same form may be sent again

function months(button) {
  const wanted = button.dataset.months.split(",");
  const set = button.closest("[data-months-of]");
  for (const box of all("input[type=checkbox]", set)) box.checked = wanted.includes(box.value);
  set.dispatchEvent(new Event("change", { bubbles: true })); // marks the templates, and whatever follows from the months
}

function mark(set) {
  const chosen = all("input:checked", set).map((box) => box.value).sort().join();
  for (const button of all("[data-months]", set))
    button.setAttribute("aria-pressed", String(button.dataset.months.split(",").sort().join() === chosen));
}

export function startForms() {
  one("[data-focus]:not(.fp-gallery *)")?.focus();
  document.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-months]");
    if (button) months(button);
  });
  document.addEventListener("change", ({ target }) => {
    const set = target.closest("[data-months-of]");
    if (set) mark(set);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    const form = event.target.closest("form:not([data-edit])");
    const button = form && one(".btn-primary[type=submit]", form);
    if (button) form.requestSubmit(button);
  });
  // Guarded are forms marked data-guard: leaving asks while something was typed and not sent.
  document.addEventListener("input", ({ target }) => {
    const form = target.closest("form[data-guard]");
    if (form) touched.add(form);
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    touched.delete(form);
    if (event.defaultPrevented || form.method !== "post") return;
    if (sent.has(form)) return event.preventDefault();
    sent.add(form);
    setTimeout(() => sent.delete(form), AGAIN);
  });
  addEventListener("beforeunload", (event) => {
    if (all("form[data-guard]").some((form) => touched.has(form))) event.preventDefault();
  });
}

// Rows chosen for the bar below the list: by click, Shift-click, x and Shift-x; or all that the filter finds, on every page.
import { all, one } from "./dom.js";

const boxes = () => all("[data-list] input[name=ids]");
const whole = () => one("#bulk [name=all]");
let last = null;

/** The bar says what is chosen; the box in the head, whether it is all of the page. */
function tell() {
  const bar = one("#bulk");
  if (!bar) return;
  const list = boxes();
  const chosen = list.filter((box) => box.checked).length;
  if (chosen < list.length) whole().value = "";
  const texts = one("[data-bulk-count]", bar);
  const { one: single, many, whole: every, wholeCapped, capped } = texts.dataset;
  if (whole().value) texts.textContent = capped === undefined ? every : wholeCapped;
  else texts.textContent = chosen === 1 ? single : many.replace("#", chosen);
  const more = one("[data-bulk-all]", bar);
  if (more) more.textContent = whole().value ? more.dataset.page : more.dataset.all;
  const head = one("[data-pick-all]");
  head.checked = chosen > 0 && chosen === list.length;
  head.indeterminate = chosen > 0 && !head.checked;
}

function choose(box, reach) {
  const list = boxes();
  const from = list.indexOf(last);
  const to = list.indexOf(box);
  if (reach && from >= 0) for (const each of list.slice(Math.min(from, to), Math.max(from, to) + 1)) each.checked = box.checked;
  last = box;
  tell();
}

function chooseAll(on) {
  for (const box of boxes()) box.checked = on;
  tell();
}

/** The row under the cursor; with `reach` all from the one before to it. */
export function pickRow(reach) {
  const box = one("[data-list] tbody tr.is-cursor input[name=ids]");
  if (!box) return;
  box.checked = reach || !box.checked;
  choose(box, reach);
}

export function clearPicks() {
  if (one("#bulk")) chooseAll(false);
}

/** What the bar offers under this letter, while something is chosen. */
export function bulkKey(letter) {
  if (boxes().some((box) => box.checked)) one(`#bulk [data-bulk-key=${letter}]`)?.click();
}

export function startPicking() {
  document.addEventListener("click", (event) => {
    const { target } = event;
    if (target.matches("[data-list] input[name=ids]")) choose(target, event.shiftKey);
    else if (target.matches("[data-pick-all]")) chooseAll(target.checked);
    else if (target.closest("[data-bulk-clear]")) clearPicks();
    else if (target.closest("[data-bulk-all]")) {
      whole().value = whole().value ? "" : "1";
      chooseAll(true);
    }
  });
  // The answer to a button of the bar is a dialog on this page.
  document.addEventListener("submit", (event) => {
    if (event.target.id !== "bulk") return;
    event.preventDefault();
    if (one("#menu-bulk:popover-open")) one("#menu-bulk").hidePopover();
    const sent = new URLSearchParams([...new FormData(event.target)].filter(([, value]) => value));
    if (whole().value) sent.delete("ids");
    htmx.ajax("GET", `${event.submitter.formAction}?${sent}`, { target: "#record-dialog", swap: "innerHTML" });
  });
  document.addEventListener("htmx:afterSwap", tell);
  addEventListener("pageshow", tell); // going back, the browser may bring choices back
  tell();
}

// The list's cursor: j and k move it, Enter opens. Rows are `[data-list] tbody tr` with a link each.
import { all, keep, one } from "./dom.js";

const rows = () => all("[data-list] tbody tr");

export function moveCursor(step) {
  const list = rows();
  if (!list.length) return false;
  const now = list.findIndex((row) => row.classList.contains("is-cursor"));
  const next = list[Math.max(0, Math.min(list.length - 1, now + step))];
  for (const row of list) row.classList.toggle("is-cursor", row === next);
  next.scrollIntoView({ block: "nearest" });
  one("a", next)?.focus({ preventScroll: true });
  return true;
}

/** On a record, j and k go to the next and the previous one. */
export function turn(step) {
  if (moveCursor(step)) return;
  one(step > 0 ? "a[data-next]" : "a[data-previous]")?.click();
}

/** The column picker: an arrow moves its column on the spot, a height of rows shows at once; "Apply" puts both into the address. */
function startColumns() {
  document.addEventListener("click", (event) => {
    const arrow = event.target.closest(".fp-columns [data-move]");
    if (!arrow) return;
    event.preventDefault();
    const line = arrow.closest("li");
    const other = arrow.dataset.move === "up" ? line.previousElementSibling : line.nextElementSibling;
    if (!other || one(":disabled", other)) return;
    if (arrow.dataset.move === "up") other.before(line);
    else other.after(line);
    arrow.focus(); // moving took it away
    line.scrollIntoView({ block: "nearest" });
  });
  document.addEventListener("change", ({ target }) => {
    if (!target.matches(".fp-columns [name=density]")) return;
    const list = one(".fp-list");
    if (target.value) {
      list.dataset.density = document.documentElement.dataset.density = target.value;
      keep("fp.density", target.value);
    } else delete list.dataset.density;
  });
}

/** A click anywhere in a row opens it, as its link does; text may still be selected. */
export function startList() {
  startColumns();
  document.addEventListener("click", (event) => {
    const row = event.target.closest("[data-list] tbody tr");
    if (!row || event.target.closest("a, button, input, label") || getSelection()?.toString()) return;
    const link = one("a", row);
    if (!link) return;
    if (event.ctrlKey || event.metaKey) open(link.href);
    else link.click();
  });
  document.addEventListener("focusin", ({ target }) => {
    const row = target.closest?.("[data-list] tbody tr");
    if (row) for (const other of rows()) other.classList.toggle("is-cursor", other === row);
  });
}

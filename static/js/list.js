// The list's cursor: j and k move it, Enter opens. Rows are `[data-list] tbody tr` with a link each.
import { all, keep, one } from "./dom.js";

let opening = 0;

const rows = () => all("[data-list] tbody tr");

/** Where a column's cells can be edited, from its head: "field/phone/", "" where they cannot. */
const editOf = (cell) => one("[data-list] thead tr")?.cells[cell.cellIndex]?.dataset.edit ?? "";
const editable = (row) => [...row.cells].filter((cell) => editOf(cell) && cell.getClientRects().length);

/** The cell's value becomes the field that the record's page has, with its editor open. Escape brings the value back. */
function editCell(cell) {
  const there = one(".fp-field", cell);
  if (there && one("button, form", there)) {
    one("button.fp-field__value", there)?.click();
    return;
  }
  const url = new URL(`${editOf(cell)}?cell=1`, one("a", cell.parentElement).href);
  const [, pk, name] = url.pathname.match(/([0-9]+)\/[a-z]+\/([^/]+)\/$/);
  const field = there ?? document.createElement("div");
  field.className = "fp-field";
  field.id = `field-${name}-${pk}`;
  field.dataset.field = `${name}-${pk}`;
  if (!there) field.append(...cell.childNodes);
  cell.append(field);
  cell.tabIndex = -1; // what is discarded gives the focus back to it
  htmx.ajax("GET", url.href, { target: field, swap: "outerHTML" });
}

/** `e`: the cell that has the focus, else the first of the row under the cursor that can be edited. */
export function editRow() {
  const row = one("[data-list] tbody tr.is-cursor");
  const cells = row ? editable(row) : [];
  const cell = cells.find((each) => each.contains(document.activeElement)) ?? cells[0];
  if (cell) editCell(cell);
  return Boolean(row);
}

/** Left and right go from cell to cell that can be edited, and back to the name. */
export function moveCell(step) {
  const row = one("[data-list] tbody tr.is-cursor");
  if (!row) return false;
  const cells = editable(row);
  const now = cells.findIndex((cell) => cell.contains(document.activeElement));
  const next = cells[Math.min(cells.length - 1, now + step)] ?? one("a", row);
  if (next.matches("td")) next.tabIndex = -1;
  next.focus();
  next.scrollIntoView({ block: "nearest", inline: "nearest" });
  return true;
}

const preview = () => one("#preview");
const NARROW = "(max-width: 767px)"; // there the record has a page of its own

/** Space: the row under the cursor beside the list, or away again. It follows the cursor while it is open. */
export function togglePreview() {
  const row = one("[data-list] tbody tr.is-cursor");
  if (!row || !preview() || matchMedia(NARROW).matches) return false;
  if (preview().hidden || preview().dataset.of !== one("a", row).href) showPreview(row);
  else closePreview();
  return true;
}

function showPreview(row) {
  const { href } = one("a", row);
  preview().dataset.of = href;
  htmx.ajax("GET", `${href}preview/`, { target: "#preview", swap: "innerHTML" }).then(() => {
    preview().hidden = false;
  });
}

/** Away, with the focus back on its row; false where it was not there. */
export function closePreview() {
  const panel = preview();
  if (!panel || panel.hidden) return false;
  if (panel.contains(document.activeElement)) one("[data-list] tbody tr.is-cursor a")?.focus();
  panel.hidden = true;
  panel.replaceChildren();
  return true;
}

export function moveCursor(step) {
  const list = rows();
  if (!list.length) return false;
  const now = list.findIndex((row) => row.classList.contains("is-cursor"));
  const next = list[Math.max(0, Math.min(list.length - 1, now + step))];
  for (const row of list) row.classList.toggle("is-cursor", row === next);
  next.scrollIntoView({ block: "nearest" });
  one("a", next)?.focus({ preventScroll: true });
  if (preview() && !preview().hidden) showPreview(next);
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

const DOUBLE = 250; // milliseconds that a click waits for its second

/** A double click edits the cell; Enter does where the cell itself has the focus. */
function startEditing() {
  document.addEventListener("dblclick", ({ target }) => {
    const cell = target.closest("[data-list] tbody td");
    if (!cell || !editOf(cell) || target.closest("form, button")) return;
    clearTimeout(opening);
    getSelection()?.removeAllRanges();
    editCell(cell);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches("[data-list] tbody td")) return;
    event.preventDefault();
    editCell(event.target);
  });
}

/** A click anywhere in a row opens it, as its link does; text may still be selected. */
export function startList() {
  startColumns();
  startEditing();
  document.addEventListener("click", ({ target }) => target.closest("[data-preview-close]") && closePreview());
  document.addEventListener("click", (event) => {
    const row = event.target.closest("[data-list] tbody tr");
    if (!row || event.target.closest("a, button, input, label, form") || getSelection()?.toString()) return;
    const link = one("a", row);
    if (!link) return;
    if (event.ctrlKey || event.metaKey) open(link.href);
    else if (matchMedia("(hover: hover)").matches && editOf(event.target.closest("td"))) {
      clearTimeout(opening);
      opening = setTimeout(() => link.click(), DOUBLE);
    } else link.click();
  });
  document.addEventListener("focusin", ({ target }) => {
    const row = target.closest?.("[data-list] tbody tr");
    if (row) for (const other of rows()) other.classList.toggle("is-cursor", other === row);
  });
}

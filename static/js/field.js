// A fact is edited where it stands. A press asks the server for the control; Enter or leaving the field posts it, Escape leaves it.
// A refusal comes back as the same form with its reason; ten seconds to take a change back come as a toast.
import { all, one } from "./dom.js";
import { toast } from "./toast.js";

const before = new Map(); // field name → the element as it was read
const SIGN = 4000;

function value(form) {
  return new URLSearchParams(new FormData(form)).toString();
}

function restore(form) {
  const field = form.closest(".fp-field");
  const old = before.get(field.dataset.field);
  if (!old) return;
  form.dataset.left = "1";
  field.replaceWith(old);
  htmx.process(old);
  (one("button.fp-field__value", old) ?? old.closest("td"))?.focus();
}

function send(form) {
  if (form.dataset.left || form.classList.contains("htmx-request")) return;
  if (value(form) === form.dataset.start && !one("[aria-invalid=true]", form)) restore(form);
  else form.requestSubmit();
}

/** A field that has just come: focus its control, or let its sign fade. */
function arrived(field) {
  const form = one("form[data-edit]", field);
  if (form) {
    form.dataset.start = value(form);
    const control = one(".form-control, .form-select, .form-check-input", form);
    control?.focus();
    if (control?.matches("input:not([type=date]):not([type=checkbox])")) control.select();
    return;
  }
  const sign = one(".fp-field__sign[role=status]", field);
  if (sign) setTimeout(() => sign.remove(), SIGN);
  const undo = one("form[data-undo-form]", field);
  if (undo) toast(undo.dataset.said, () => undo.requestSubmit());
}

export function startFields() {
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    const field = detail.target;
    if (field.matches?.(".fp-field") && !one("form[data-edit]", field)) before.set(field.dataset.field, field);
  });
  document.addEventListener("htmx:load", ({ detail }) => {
    const field = detail.elt;
    if (!field.matches?.(".fp-field")) return;
    const hadFocus = document.activeElement === document.body;
    arrived(field);
    if (hadFocus && !one("form[data-edit]", field)) one("button.fp-field__value", field)?.focus();
  });
  document.addEventListener("keydown", (event) => {
    const form = event.target.closest?.("form[data-edit]");
    if (!form) return;
    const isText = event.target.matches("textarea");
    if (event.key === "Escape") {
      event.preventDefault();
      restore(form);
    } else if (event.key === "Enter" && (!isText || event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      send(form);
    }
  });
  document.addEventListener("focusout", ({ target, relatedTarget }) => {
    const form = target.closest?.("form[data-edit]");
    if (!form || form.contains(relatedTarget) || !document.hasFocus()) return;
    send(form); // a tap beside the field must not lose what was typed
  });
}

/** `e`: edits the field that has the focus or the pointer, else the first one of the page. */
export function editField() {
  const fields = all("button.fp-field__value");
  (fields.find((button) => button.matches(":focus") || button.closest(".fp-field").matches(":hover")) ?? fields[0])?.click();
}

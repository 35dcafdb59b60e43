// The filter builder: the server makes every form of it; a choice that changes what stands beside it asks at once.
import { one } from "./dom.js";

export function startBuilder() {
  document.addEventListener("change", ({ target }) => {
    const form = target.matches("[data-again]") && target.closest("form[data-builder]");
    if (form) form.requestSubmit(one("[name=act][value='']", form));
  });
  // A new part has the focus; else what had it keeps it, and a form that has just come begins with what is wrong or first.
  document.addEventListener("htmx:load", ({ detail }) => {
    const form = detail.elt;
    if (!form.matches?.("form[data-builder]") || form.contains(document.activeElement)) return;
    (one("[aria-invalid=true]", form) ?? one("[autofocus]", form) ?? one("select", form))?.focus();
  });
}

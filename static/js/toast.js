// What happened, and ten seconds to take it back. One toast at a time; pointer and focus stop the clock.
// The server asks for one by the header HX-Trigger: {"toast": {"text": "…", "undo": "/address"}}, or by a message in the page.
import { all, copy, one } from "./dom.js";

const TIME = 10_000;

/** Shows `text`; `undo` is an address to post to, or a function. */
export function toast(text, undo) {
  const box = copy("toast");
  one("[data-text]", box).textContent = text;
  const button = one("[data-undo]", box);
  if (undo) {
    button.addEventListener("click", () => {
      box.remove();
      if (typeof undo === "function") undo();
      else htmx.ajax("POST", undo, { swap: "none" });
    });
  } else button.remove();
  one("#toasts").replaceChildren(box);
  run(box);
}

function run(box) {
  let timer = setTimeout(() => box.remove(), TIME);
  const stop = () => {
    clearTimeout(timer);
    box.classList.add("is-held");
  };
  const go = () => {
    clearTimeout(timer);
    box.classList.remove("is-held");
    timer = setTimeout(() => box.remove(), TIME);
  };
  for (const name of ["pointerenter", "focusin"]) box.addEventListener(name, stop);
  for (const name of ["pointerleave", "focusout"]) box.addEventListener(name, go);
}

export function startToasts() {
  document.addEventListener("toast", ({ detail }) => toast(detail.text, detail.undo));
  for (const message of all("[data-message]")) toast(message.textContent.trim(), message.dataset.undo);
}

// Popovers and dialogs. The browser opens, closes and traps; we only place, and say whether it is open.
import { all, one, typing } from "./dom.js";

const opener = new Map();
const EDGE = 8;
const GAP = 6;

function place(menu, button) {
  const at = button.getBoundingClientRect();
  const [side, align] = (button.dataset.place ?? "below-start").split("-");
  const { offsetWidth: width, offsetHeight: height } = menu;
  let left = at.left;
  if (align === "end") left = at.right - width;
  if (align === "center") left = at.left + at.width / 2 - width / 2;
  let top = side === "above" ? at.top - height - GAP : at.bottom + GAP;
  top = Math.max(EDGE, Math.min(top, innerHeight - height - EDGE));
  left = Math.max(EDGE, Math.min(left, innerWidth - width - EDGE));
  menu.style.left = `${Math.round(left)}px`;
  menu.style.top = `${Math.round(top)}px`;
}

function step(menu, event) {
  if (!["ArrowDown", "ArrowUp"].includes(event.key) || typing(event.target)) return;
  const items = all("a.fp-menu__item, button.fp-menu__item, li a, li button", menu);
  const index = items.indexOf(document.activeElement);
  items[(index + (event.key === "ArrowDown" ? 1 : items.length - 1)) % items.length]?.focus();
  event.preventDefault();
}

const shown = (button) => button.getClientRects().length > 0;

/** Opens a popover as if its first visible button had been pressed. */
export function openMenu(id) {
  const button = all(`[popovertarget="${id}"]`).find(shown);
  if (!button || !one(`#${id}`)) return;
  opener.set(id, button);
  if (document.activeElement === document.body) button.focus(); // closing gives the focus back to what had it
  one(`#${id}`).showPopover();
}

// Events are heard at the document, so that what htmx brings later works as well; "toggle" does not bubble, hence capture.
export function startMenus() {
  document.addEventListener("click", ({ target }) => {
    const button = target.closest("[popovertarget]");
    if (button) opener.set(button.getAttribute("popovertarget"), button);
  }, true);
  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest?.("[popover]");
    if (menu) step(menu, event);
  });
  document.addEventListener("toggle", ({ target: menu, newState }) => {
    if (!menu.matches?.("[popover]")) return;
    const button = opener.get(menu.id) ?? all(`[popovertarget="${menu.id}"]`).find(shown);
    if (!button) return;
    button.setAttribute("aria-expanded", String(newState === "open"));
    if (newState !== "open") return;
    place(menu, button);
    one("a, button, input:not([type=hidden]), select", menu)?.focus({ preventScroll: true });
  }, true);
  // What comes into an open menu makes it larger.
  document.addEventListener("htmx:load", ({ detail }) => {
    const menu = detail.elt.closest?.("[popover]:popover-open");
    const button = menu && opener.get(menu.id);
    if (button) place(menu, button);
  });
  document.addEventListener("click", ({ target }) => {
    if (target.closest("[data-close]")) target.closest("dialog")?.close();
    if (target.matches("dialog")) target.close();
    const button = target.closest("[data-open]");
    if (!button) return;
    button.closest("[popover]")?.hidePopover();
    one(`#${button.dataset.open}`)?.showModal();
  });
}

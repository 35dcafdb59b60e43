// Every page of the frame: menus, theme, fields, list, forms, toasts, single keys. No inline code, no eval.
import { startBuilder } from "./builder.js";
import { all, keep, one, typing } from "./dom.js";
import { editField, startFields } from "./field.js";
import { startForms } from "./form.js";
import { closePreview, editRow, moveCell, moveCursor, startList, togglePreview, turn } from "./list.js";
import { openMenu, startMenus } from "./menu.js";
import { openPalette, startPalette } from "./palette.js";
import { bulkKey, clearPicks, pickRow, startPicking } from "./pick.js";
import { startToasts, toast } from "./toast.js";

function startTheme() {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let wish = "system";
  try {
    wish = localStorage.getItem("fp.theme") ?? "system";
  } catch {
    // as above
  }
  const apply = () => {
    root.dataset.bsTheme = wish === "dark" || (wish === "system" && dark.matches) ? "dark" : "light";
    for (const button of all("[data-theme]")) button.setAttribute("aria-pressed", String(button.dataset.theme === wish));
  };
  document.addEventListener("click", ({ target }) => {
    const theme = target.closest("[data-theme]");
    if (!theme) return;
    keep("fp.theme", (wish = theme.dataset.theme));
    apply();
  });
  dark.addEventListener("change", apply);
  apply();
}

/** Tabs of a list, and on a phone the pages of the settings, stand in one line: the present one comes into sight. */
function showPlace() {
  for (const here of all(".fp-setnav [aria-current], .fp-views [aria-current]")) {
    const line = here.closest(".fp-setnav, .fp-views");
    const from = here.getBoundingClientRect().left - line.getBoundingClientRect().left + line.scrollLeft;
    line.scrollLeft = from - (line.clientWidth - here.offsetWidth) / 2;
  }
}

/** The search field of the page, else the palette. */
function find() {
  const field = one("#find");
  if (!field?.getClientRects().length) return openPalette();
  field.focus();
  field.select();
}

const KEYS = {
  a: () => bulkKey("a"),
  c: () => openMenu("menu-new"),
  e: () => editRow() || editField(),
  f: () => openMenu(one("[data-filter]")?.getAttribute("popovertarget")),
  j: () => turn(1),
  k: () => turn(-1),
  s: () => bulkKey("s"),
  t: () => bulkKey("t"),
  x: () => pickRow(false),
  X: () => pickRow(true),
  z: () => one("#toasts [data-undo]")?.click(),
  "/": find,
  "?": () => one("#keys")?.showModal(),
  Escape: () => closePreview() || clearPicks(),
};

function startKeys() {
  let before = "";
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(event.target)) return;
    if (one("dialog:modal, [popover]:popover-open")) return;
    const area = before === "g" && one(`[data-go="${CSS.escape(event.key)}"]`);
    before = event.key;
    if (area) area.click();
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (event.target.closest("[data-list]") && moveCursor(event.key === "ArrowDown" ? 1 : -1)) event.preventDefault();
      return;
    } else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      if (event.target.closest("[data-list]") && moveCell(event.key === "ArrowRight" ? 1 : -1)) event.preventDefault();
      return;
    } else if (event.key === " ") {
      if (event.target.closest("button, a:not([data-list] a), input, summary") || !togglePreview()) return;
    } else if (KEYS[event.key]) KEYS[event.key]();
    else return;
    event.preventDefault();
  });
  if (/Mac|iPhone|iPad/.test(navigator.platform)) for (const key of all("kbd[data-ctrl]")) key.textContent = "⌘";
}

/** A button marked data-copy puts the field beside it onto the clipboard, and says its words; without one the text is chosen. */
function startCopying() {
  document.addEventListener("click", async ({ target }) => {
    const button = target.closest("[data-copy]");
    if (!button) return;
    const field = one("input", button.parentElement);
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      toast(button.dataset.copy);
    } catch {
      // No clipboard here (plain http, or not allowed): chosen, it waits for Ctrl+C.
    }
  });
}

/** What is locked says why; what fails on the way says so, and nothing typed is lost. */
function startAnswers() {
  document.addEventListener("click", (event) => {
    const locked = event.target.closest("[aria-disabled=true]");
    if (!locked) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (locked.dataset.why) toast(locked.dataset.why);
  }, true);
  const texts = one("#texts")?.dataset ?? {};
  document.addEventListener("htmx:sendError", () => toast(texts.offline));
  document.addEventListener("htmx:responseError", ({ detail }) => {
    const { xhr } = detail;
    if (xhr.getResponseHeader("HX-Trigger")?.includes("toast")) return; // the server has said why
    toast(`${texts.failed} ${xhr.getResponseHeader("X-Request-Id")?.slice(0, 12) ?? ""}`.trim());
  });
  // A whole page in answer to a part: the session is over. The page itself then leads to the sign-in and back.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, serverResponse } = event.detail;
    if (xhr.status >= 400 || !/^\s*<!doctype/i.test(serverResponse)) return;
    event.detail.shouldSwap = false;
    location.reload();
  });
}

startTheme();
showPlace();
startAnswers();
startCopying();
startMenus();
startPalette();
startFields();
startList();
startPicking();
startBuilder();
startForms();
startToasts();
startKeys();
if (location.hash === "#find") find();

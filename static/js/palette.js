// Search and commands in one place. The hits come from the server, as its page for who has no script shows them.
import { all, one } from "./dom.js";

const SILENCE = 90; // ms without a key before the server is asked
const SLOW = 600; // ms after which it is said that the answer is still awaited

export function startPalette() {
  const palette = one("#palette");
  if (!palette) return;
  const input = one("input", palette);
  const found = one("[data-found]", palette);
  const [wait, slow, failed, say] = ["fp-palette__wait", "slow", "failed", "say"].map((name) =>
    one(name.startsWith("fp-") ? `.${name}` : `[data-${name}]`, palette));
  let asked = null; // the request whose answer is awaited: an older one is broken off
  let pause = 0;
  let shownFor = null; // what the hits were asked for
  let wanted = false; // Enter was pressed before the hits came

  const options = () => all("[role=option]", found);
  const chosen = () => one("[aria-selected=true]", found);

  function choose(option) {
    for (const other of options()) other.setAttribute("aria-selected", String(other === option));
    if (option) input.setAttribute("aria-activedescendant", option.id);
    else input.removeAttribute("aria-activedescendant");
    option?.scrollIntoView({ block: "nearest" });
  }

  function show(html, text) {
    found.innerHTML = html;
    options().forEach((option, index) => (option.id = `palette-hit-${index}`));
    input.setAttribute("aria-expanded", String(options().length > 0));
    say.textContent = one("[data-said]", found)?.textContent ?? "";
    shownFor = text;
    choose(options()[0]);
    if (wanted) chosen()?.click();
    wanted = false;
  }

  function awaiting(is) {
    wait.hidden = !is;
    if (!is) slow.hidden = true;
    found.setAttribute("aria-busy", String(is));
  }

  async function ask() {
    clearTimeout(pause);
    asked?.abort();
    const mine = (asked = new AbortController());
    const text = input.value.trim();
    const late = setTimeout(() => (slow.hidden = false), SLOW);
    failed.hidden = true;
    awaiting(true);
    try {
      const url = `${palette.dataset.url}?${new URLSearchParams({ q: text })}`;
      const answer = await fetch(url, { headers: { "HX-Request": "true" }, signal: mine.signal });
      const html = await answer.text();
      if (mine !== asked) return;
      if (answer.redirected) return location.reload(); // the session is over: the page leads to the sign-in
      if (!answer.ok) throw new Error(String(answer.status));
      show(html, text);
    } catch (error) {
      if (mine !== asked || error.name === "AbortError") return;
      show("", null);
      failed.hidden = false;
      say.textContent = one("p", failed).textContent;
    } finally {
      clearTimeout(late);
      if (mine === asked) awaiting(false);
    }
  }

  function open() {
    for (const menu of all("[popover]:popover-open")) menu.hidePopover();
    if (!palette.open) palette.showModal();
    input.select();
    input.focus();
    if (shownFor !== input.value.trim()) ask();
  }

  input.addEventListener("input", () => {
    clearTimeout(pause);
    wanted = false;
    pause = setTimeout(ask, SILENCE);
  });
  palette.addEventListener("keydown", (event) => {
    if (event.isComposing || event.target !== input) return;
    const every = options();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && every.length) choose(every[(every.indexOf(chosen()) + step + every.length) % every.length]);
    else if (event.key === "Enter") {
      if (shownFor !== input.value.trim()) {
        wanted = true; // what stands there belongs to other words
        ask();
      } else if ((event.ctrlKey || event.metaKey) && chosen()) window.open(chosen().href, "_blank", "noopener");
      else chosen()?.click();
    } else return;
    event.preventDefault();
  });
  found.addEventListener("click", (event) => {
    if (event.target.closest("[role=option]") && !event.ctrlKey && !event.metaKey) palette.close();
  });
  found.addEventListener("pointermove", ({ target }) => {
    const option = target.closest("[role=option]");
    if (option && option !== chosen()) choose(option);
  });
  one("[data-again]", palette).addEventListener("click", () => {
    input.focus();
    ask();
  });
  palette.addEventListener("close", () => {
    asked?.abort();
    asked = null;
    awaiting(false);
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-palette]") || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open();
  });
  addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey || event.key.toLowerCase() !== "k") return;
    event.preventDefault();
    if (palette.open) palette.close();
    else if (!one("dialog:modal")) open();
  });
}

/** Opens the palette, where the page has one. */
export const openPalette = () => all("[data-palette]").find((link) => link.getClientRects().length)?.click();

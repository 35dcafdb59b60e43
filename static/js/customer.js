// The account's pages: small forms open in one dialog; the new customer's form checks on leaving a field and looks for twins.
import { one } from "./dom.js";

const PAUSE = 300;
const COMPARED = ["company_name", "street", "house_number", "postcode", "city", "phone", "email", "website", "vat_id"];

function startDialog() {
  const dialog = one("#record-dialog");
  if (!dialog) return;
  document.addEventListener("htmx:afterSwap", ({ detail }) => {
    if (detail.target !== dialog && !dialog.contains(detail.target)) return;
    if (!dialog.open) dialog.showModal();
    (one("[aria-invalid=true]", dialog) ?? one(".form-control, .form-select, .form-check-input", dialog))?.focus();
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("#record-dialog a[data-close]");
    if (link) event.preventDefault();
  });
}

/** The part of the form that holds a control: its cell of the grid. */
function cell(control) {
  return control.closest("[class*='fp-c1'], [class*='fp-c2'], .fp-c3, .fp-c4, .fp-c6, .fp-c8, .fp-c12");
}

function check(form, control) {
  const part = cell(control);
  const span = part?.className.match(/fp-c(\d+)/)?.[1];
  if (!span || !["text", "email", "tel", "url", "search", undefined].includes(control.type) || control.name === "chain_search") return;
  const had = control.getAttribute("aria-invalid") === "true";
  if (!control.value && !had && !control.required) return;
  const url = `${form.dataset.check.replace(/name\/$/, `${control.name}/`)}?span=${span}`;
  fetch(url, { method: "POST", body: new FormData(form), headers: { "HX-Request": "true" } })
    .then((answer) => (answer.ok ? answer.text() : ""))
    .then((text) => {
      const fresh = text && new DOMParser().parseFromString(text, "text/html").body.firstElementChild;
      if (!fresh || part.contains(document.activeElement)) return;
      part.replaceWith(fresh);
    })
    .catch(() => {}); // saving checks again
}

function startCreate() {
  const form = one("form[data-check]");
  if (!form) return;
  form.addEventListener("focusout", ({ target }) => target.name && check(form, target));
  let waiting = 0;
  form.addEventListener("input", ({ target }) => {
    if (!COMPARED.includes(target.name)) return;
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      htmx.ajax("POST", form.dataset.twins, {
        target: "#duplicates",
        swap: "outerHTML",
        values: Object.fromEntries(new FormData(form)),
      });
    }, PAUSE);
  });
  form.addEventListener("change", ({ target }) => {
    if (target.name === "account_type") one("#chain-part").hidden = target.value !== "LOCATION";
  });
}

/** A found chain is taken over into the form, on the page and in a dialog. */
function startChains() {
  document.addEventListener("click", ({ target }) => {
    const chain = target.closest("[data-chain]");
    if (!chain) return;
    one("[name=chain_id]", chain.closest("form")).value = chain.dataset.chain;
    one("#chain_search").value = chain.dataset.name;
    one("#chain-found").replaceChildren();
    one("#chain_search").focus();
  });
}

/** Whoever chooses months means a season. */
function startSeason() {
  const switchOn = (part) => {
    const box = part && one("[name=is_seasonal_business]", part.closest("form"));
    if (box) box.checked = true;
  };
  document.addEventListener("click", ({ target }) => switchOn(target.closest("[data-months]")));
  document.addEventListener("change", ({ target }) => target.name === "seasonal_months" && target.checked && switchOn(target));
}

startDialog();
startCreate();
startChains();
startSeason();

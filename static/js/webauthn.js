// Passkeys: a form with data-passkey="get" or "create" asks the browser for the key, then sends it in its field "credential".
// The options stand in the page (data-options: an element's id) or are fetched (data-options-url).

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const withId = (one) => ({ ...one, id: bytes(one.id) });

function forBrowser(options) {
  const key = { ...options.publicKey, challenge: bytes(options.publicKey.challenge) };
  if (key.user) key.user = withId(key.user);
  if (key.allowCredentials) key.allowCredentials = key.allowCredentials.map(withId);
  if (key.excludeCredentials) key.excludeCredentials = key.excludeCredentials.map(withId);
  return { publicKey: key };
}

function forServer(credential) {
  const given = credential.response;
  const response = { clientDataJSON: text(given.clientDataJSON) };
  if (given.attestationObject) {
    response.attestationObject = text(given.attestationObject);
    response.transports = given.getTransports ? given.getTransports() : [];
  } else {
    response.authenticatorData = text(given.authenticatorData);
    response.signature = text(given.signature);
    response.userHandle = given.userHandle ? text(given.userHandle) : null;
  }
  return {
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment,
    clientExtensionResults: credential.getClientExtensionResults(),
    response,
  };
}

async function optionsOf(form) {
  if (form.dataset.options) {
    const data = JSON.parse(document.getElementById(form.dataset.options).textContent);
    return data.request_options || data.creation_options;
  }
  const answer = await fetch(form.dataset.optionsUrl, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(String(answer.status));
  return (await answer.json()).request_options;
}

async function ask(form) {
  const options = forBrowser(await optionsOf(form));
  if (form.dataset.passkey === "get") return navigator.credentials.get(options);
  const alone = form.elements.passwordless?.checked;
  const chosen = { ...options.publicKey.authenticatorSelection };
  chosen.residentKey = alone ? "required" : "discouraged";
  chosen.requireResidentKey = Boolean(alone);
  if (alone) chosen.userVerification = "required";
  options.publicKey.authenticatorSelection = chosen;
  return navigator.credentials.create(options);
}

// Browsers make passkeys for names, never for an address in numbers.
const possible = window.PublicKeyCredential && !/^[\d.]+$|^\[/.test(location.hostname);

for (const form of possible ? document.querySelectorAll("form[data-passkey]") : []) {
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const failed = form.querySelector("[data-failed]");
    if (failed) failed.hidden = true;
    try {
      form.elements.credential.value = JSON.stringify(forServer(await ask(form)));
      form.submit();
    } catch {
      if (!failed) return;
      failed.textContent = failed.dataset.failed;
      failed.hidden = false;
    }
  });
}

// Signs a form with a passkey: asks for a challenge over its fields, then sends both.
function bytes(text) {
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (sign) => sign.charCodeAt(0));
}

function text(buffer) {
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

async function sign(button) {
  const form = button.form;
  if (!form.reportValidity()) return;
  form.elements.password.value = "";
  form.elements.assertion.value = "";
  const address = new URL(form.action, location).pathname;
  const asked = await fetch(button.dataset.challenge + "?address=" + encodeURIComponent(address), {
    method: "POST",
    body: new FormData(form),
  });
  const options = await asked.json();
  if (!asked.ok) throw new Error(options.detail);
  const wanted = options.publicKey;
  wanted.challenge = bytes(wanted.challenge);
  wanted.allowCredentials = wanted.allowCredentials.map((key) => ({ ...key, id: bytes(key.id) }));
  const key = await navigator.credentials.get({ publicKey: wanted });
  const answer = key.response;
  form.elements.assertion.value = JSON.stringify({
    id: key.id,
    rawId: text(key.rawId),
    type: key.type,
    clientExtensionResults: {},
    response: {
      authenticatorData: text(answer.authenticatorData),
      clientDataJSON: text(answer.clientDataJSON),
      signature: text(answer.signature),
      userHandle: answer.userHandle ? text(answer.userHandle) : null,
    },
  });
  form.submit();
}

for (const button of document.querySelectorAll("button[data-challenge]")) {
  if (!window.PublicKeyCredential) continue;
  button.hidden = false;
  button.addEventListener("click", () => {
    const told = button.nextElementSibling;
    told.textContent = "";
    sign(button).catch((error) => {
      told.textContent = error.name === "NotAllowedError" ? told.dataset.refused : error.message;
    });
  });
}

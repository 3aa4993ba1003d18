// Has a signer asked again at the identity provider: for the form as it stands now.
async function ask(button, told) {
  const form = button.form;
  if (!form.reportValidity()) return;
  for (const name of ["password", "assertion", "step_up"]) {
    if (form.elements[name]) form.elements[name].value = "";
  }
  const address = new URL(form.action, location).pathname;
  const asked = await fetch(button.dataset.stepUp + "?address=" + encodeURIComponent(address), {
    method: "POST",
    body: new FormData(form),
  });
  const answer = await asked.json();
  if (!asked.ok) throw new Error(answer.detail);
  form.elements.step_up.value = answer.step_up;
  // A link, because a window that opens by itself is blocked in many browsers.
  const link = document.createElement("a");
  link.href = answer.url;
  link.target = "_blank";
  link.rel = "noopener";
  link.textContent = told.dataset.go;
  told.replaceChildren(link, " ", told.dataset.then);
}

for (const button of document.querySelectorAll("button[data-step-up]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const told = button.nextElementSibling;
    told.textContent = "";
    ask(button, told).catch((error) => {
      told.textContent = error.message;
    });
  });
}

// A form is sent once. If the session had ended, or the form was too old, what somebody
// wrote stands in it again after they log in: until then this tab keeps it, never a
// password.
const KEY = "freigabe-unsent";
const AGAIN = 8000; // milliseconds, after which a form that loaded no page may be sent anew
const person = document.body.dataset.person || "";
const refused = document.querySelector("[data-unsent]");
const forms = () => [...document.forms].filter((form) => form.method === "post");

function written(form) {
  const kept = ["textarea", "text", "number", "date", "datetime-local", "select-one", "checkbox", "radio"];
  return [...form.elements]
    .filter((field) => field.name && kept.includes(field.type) && field.name !== "user_name")
    .map((field) => [field.name, field.type, field.type === "checkbox" || field.type === "radio" ? field.checked && field.value : field.value]);
}

function fill(form, values) {
  for (const [name, type, value] of values) {
    for (const field of form.querySelectorAll(`[name="${CSS.escape(name)}"]`)) {
      if (field.type !== type) continue;
      if (type !== "checkbox" && type !== "radio") field.value = value;
      else if (value === field.value) field.checked = true;
      else if (type === "checkbox") field.checked = false;
    }
  }
}

function restore() {
  const kept = JSON.parse(sessionStorage.getItem(KEY) || "null");
  if (!kept) return;
  if (refused) {
    sessionStorage.setItem(KEY, JSON.stringify({ ...kept, lost: true }));
    // Nothing needs to be copied by hand.
    const again = document.querySelector("[data-again]");
    if (again) location.replace(again.href);
    return;
  }
  if (kept.lost && kept.person !== person) return;
  if (kept.lost && kept.path !== location.pathname) return;
  sessionStorage.removeItem(KEY);
  const form = forms()[kept.place];
  if (!kept.lost || !form) return;
  fill(form, kept.values);
  const said = document.createElement("p");
  said.className = "message";
  said.setAttribute("role", "status");
  said.textContent = document.getElementById("said").dataset.restored;
  form.before(said);
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  setTimeout(() => delete form.dataset.sent, AGAIN);
  const values = written(form);
  if (refused || !values.length) return;
  const kept = { person, path: location.pathname, place: forms().indexOf(form), values };
  sessionStorage.setItem(KEY, JSON.stringify(kept));
});

addEventListener("pageshow", () => {
  for (const form of forms()) delete form.dataset.sent;
});

restore();

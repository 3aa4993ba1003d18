// What htmx swaps in is said to those who cannot see it, and the keyboard stays put.
const said = document.getElementById("said");
let last = "";

function words(element) {
  const status = element.matches("[role=status]") ? element : element.querySelector("[role=status]");
  return (status || element).textContent.replace(/\s+/g, " ").trim().slice(0, 300);
}

document.addEventListener("htmx:afterSettle", (event) => {
  const text = words(event.detail.elt);
  if (text === last) return;
  last = text;
  said.textContent = text;
});

// A swap that took the focused element away gives the focus to what took its place.
let focused = "";
document.addEventListener("htmx:beforeSwap", (event) => {
  const active = document.activeElement;
  focused = event.detail.target.contains(active) ? active.id || event.detail.target.id : "";
});
document.addEventListener("htmx:afterSettle", () => {
  if (!focused || document.activeElement !== document.body) return;
  const place = document.getElementById(focused);
  if (!place) return;
  if (place.tabIndex < 0) place.tabIndex = -1;
  place.focus({ preventScroll: true });
});

document.addEventListener("htmx:responseError", () => {
  said.textContent = said.dataset.failed;
});

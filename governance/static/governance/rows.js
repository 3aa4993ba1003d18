// In a table of rows the arrow keys go from one row's link to the next. They do
// nothing elsewhere (WCAG 2.2, 2.1.4), and every link is reached by Tab as well.
const STEPS = { ArrowDown: 1, ArrowUp: -1 };

document.addEventListener("keydown", (event) => {
  const table = event.target.closest?.("table[data-rows]");
  const step = STEPS[event.key];
  if (!table || (!step && event.key !== "Home" && event.key !== "End")) return;
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const links = [...table.querySelectorAll("tbody th a")];
  const row = event.target.closest("tr");
  const here = links.findIndex((link) => row?.contains(link));
  const last = links.length - 1;
  const next = step ? here + step : event.key === "Home" ? 0 : last;
  if (next < 0 || next > last) return;
  event.preventDefault();
  links[next].focus();
});

// Gives the threshold a slider: moving it writes the number, which htmx sends.
const comma = document.documentElement.lang === "de";
for (const number of document.querySelectorAll("input[data-slider]")) {
  const slider = document.createElement("input");
  slider.type = "range";
  slider.min = 0;
  slider.max = 1;
  slider.step = 0.01;
  slider.value = number.value.replace(",", ".");
  slider.setAttribute("aria-label", number.dataset.slider);
  slider.addEventListener("input", () => {
    number.value = comma ? slider.value.replace(".", ",") : slider.value;
  });
  number.addEventListener("input", () => {
    slider.value = number.value.replace(",", ".");
  });
  number.after(slider);
}

// Gives the threshold a slider: moving it writes the number, which htmx sends.
for (const number of document.querySelectorAll("input[data-slider]")) {
  const slider = document.createElement("input");
  slider.type = "range";
  slider.min = number.min;
  slider.max = number.max;
  slider.step = number.step;
  slider.value = number.value;
  slider.setAttribute("aria-label", number.dataset.slider);
  slider.addEventListener("input", () => {
    number.value = slider.value;
  });
  number.addEventListener("input", () => {
    slider.value = number.value;
  });
  number.after(slider);
}

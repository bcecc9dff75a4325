/* What moves on the page besides the sliders: their size, and what screen readers are told. */
(() => {
  "use strict";
  const cards = document.getElementById("cards");
  const size = document.getElementById("size");
  size.addEventListener("change", () => {
    cards.dataset.size = size.value;
    cards.style.setProperty("--zoom", size.value);
  });
  for (const slider of document.querySelectorAll("img-comparison-slider")) {
    const tell = () => slider.setAttribute("aria-valuenow", String(Math.round(slider.value)));
    slider.addEventListener("slide", tell);
    tell();
  }
})();

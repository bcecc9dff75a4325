/* The line between before and after: mouse, touch and keys. Its knob stays inside at both ends. */

const STEP = 0.02;
const LEAP = 0.1;

export class Divider {
  position = 0.5; // of the width, 0 to 1
  #element;
  #moved;

  /** `moved` is called whenever the position has changed. */
  constructor(element, moved) {
    this.#element = element;
    this.#moved = moved;
    element.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.stopPropagation(); // else the picture would move along
      element.setPointerCapture(event.pointerId);
    });
    element.addEventListener("pointermove", (event) => {
      if (!element.hasPointerCapture(event.pointerId)) return;
      event.stopPropagation();
      const box = element.parentElement.getBoundingClientRect();
      this.move((event.clientX - box.left) / box.width);
    });
    element.addEventListener("keydown", (event) => {
      const to = {
        ArrowLeft: this.position - (event.shiftKey ? LEAP : STEP),
        ArrowDown: this.position - STEP,
        ArrowRight: this.position + (event.shiftKey ? LEAP : STEP),
        ArrowUp: this.position + STEP,
        PageDown: this.position - LEAP,
        PageUp: this.position + LEAP,
        Home: 0,
        End: 1,
      }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      this.move(to);
    });
    this.move(0.5);
  }

  move(to) {
    this.position = Math.min(1, Math.max(0, to));
    this.#element.style.setProperty("--position", this.position);
    this.#element.setAttribute("aria-valuenow", String(Math.round(this.position * 100)));
    this.#moved();
  }
}

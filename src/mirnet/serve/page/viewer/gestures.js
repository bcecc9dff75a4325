/* Mouse, touch, wheel and keys over the picture, as moves of the view. Points are in CSS pixels. */

const CLICK = 5; // a press that moves no further, in CSS pixels
const WHEEL = 0.0018; // change of the scale's logarithm, per pixel turned
const PINCH = 0.01; // the same for a touch pad's pinch
const ARROW = 80; // CSS pixels that an arrow key moves the picture

const arrows = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/** `act` has pan(dx, dy), zoomBy(factor, point), click(point), step(upwards), fit(), one(). */
export function listen(viewport, act) {
  const pointers = new Map();
  let pressed = null; // where a press that may be a click began

  const point = (event) => {
    const box = viewport.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  viewport.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    viewport.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, point(event));
    pressed = pointers.size === 1 ? point(event) : null;
  });

  viewport.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const now = point(event);
    pointers.set(event.pointerId, now);
    if (pressed && Math.hypot(now.x - pressed.x, now.y - pressed.y) > CLICK) pressed = null;
    if (pointers.size === 1) {
      if (!pressed) act.pan(now.x - before.x, now.y - before.y);
      viewport.classList.toggle("panning", !pressed);
      return;
    }
    const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
    const factor = Math.hypot(now.x - other.x, now.y - other.y) / Math.hypot(before.x - other.x, before.y - other.y);
    if (Number.isFinite(factor) && factor > 0) {
      act.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
      act.zoomBy(factor, { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
    }
  });

  const release = (event) => {
    if (!pointers.delete(event.pointerId)) return;
    viewport.classList.remove("panning");
    if (event.type === "pointerup" && pressed && !pointers.size) act.click(pressed);
    pressed = null;
  };
  viewport.addEventListener("pointerup", release);
  viewport.addEventListener("pointercancel", release);

  viewport.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
      act.zoomBy(Math.exp(-event.deltaY * lines * (event.ctrlKey ? PINCH : WHEEL)), point(event));
    },
    { passive: false },
  );

  viewport.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== viewport) return;
    const arrow = arrows[event.key];
    if (!arrow) return;
    event.preventDefault();
    act.pan(arrow[0] * ARROW, arrow[1] * ARROW);
  });
}

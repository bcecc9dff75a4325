/* Where a picture lies in a pane. Lengths of panes and scales are in pixels of the screen.

A view is { scale, x, y }: the point (x, y) of the picture lies in the middle of the pane, and one
pixel of the picture takes `scale` pixels of the screen. */

export const LARGEST = 4;
const STEPS = [1 / 16, 1 / 8, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 1, 2, 3, LARGEST];

/** The scale that shows all of the picture, at most one pixel on one of CSS. */
export const fitScale = (picture, pane, pixelRatio) =>
  Math.min(pane.width / picture.width, pane.height / picture.height, pixelRatio);

const between = (low, value, high) => Math.min(Math.max(low, value), high);

function centre(value, length, half) {
  return length <= 2 * half ? length / 2 : between(half, value, length - half);
}

/** The nearest view without empty space beside a picture that is larger than the pane. */
export function settle(view, picture, pane, pixelRatio) {
  const fit = fitScale(picture, pane, pixelRatio);
  const scale = between(Math.min(fit, 1), view.scale, Math.max(fit, LARGEST));
  return {
    scale,
    x: centre(view.x, picture.width, pane.width / 2 / scale),
    y: centre(view.y, picture.height, pane.height / 2 / scale),
  };
}

export const fitView = (picture, pane, pixelRatio) => ({
  scale: fitScale(picture, pane, pixelRatio),
  x: picture.width / 2,
  y: picture.height / 2,
});

/** Zooms to a scale; what lies under a point of the pane stays there. */
export function zoomTo(view, scale, point, pane) {
  const [dx, dy] = [point.x - pane.width / 2, point.y - pane.height / 2];
  return { scale, x: view.x + dx / view.scale - dx / scale, y: view.y + dy / view.scale - dy / scale };
}

/** The next round scale, upwards or downwards. */
export function nextStep(scale, upwards) {
  return upwards
    ? (STEPS.find((step) => step > scale * 1.01) ?? LARGEST)
    : (STEPS.findLast((step) => step < scale / 1.01) ?? STEPS[0]);
}

/** The top left corner of the picture in the pane, on whole pixels so that 1:1 is exact. */
export const origin = (view, pane) => ({
  x: Math.round(pane.width / 2 - view.x * view.scale),
  y: Math.round(pane.height / 2 - view.y * view.scale),
});

/** The part of the picture that a pane shows, in whole pixels of the picture. */
export function visible(view, picture, pane) {
  const corner = origin(view, pane);
  const left = between(0, Math.floor(-corner.x / view.scale), picture.width - 1);
  const top = between(0, Math.floor(-corner.y / view.scale), picture.height - 1);
  const right = between(left + 1, Math.ceil((pane.width - corner.x) / view.scale), picture.width);
  const bottom = between(top + 1, Math.ceil((pane.height - corner.y) / view.scale), picture.height);
  return { x: left, y: top, width: right - left, height: bottom - top };
}

export const contains = (outer, inner) =>
  outer.x <= inner.x &&
  outer.y <= inner.y &&
  outer.x + outer.width >= inner.x + inner.width &&
  outer.y + outer.height >= inner.y + inner.height;

/** What two parts share, or null. */
export function shared(one, other) {
  const x = Math.max(one.x, other.x);
  const y = Math.max(one.y, other.y);
  const width = Math.min(one.x + one.width, other.x + other.width) - x;
  const height = Math.min(one.y + one.height, other.y + other.height) - y;
  return width > 0 && height > 0 ? { x, y, width, height } : null;
}

/** The middle of a part, at most `side` pixels wide and high. */
export function middle(part, side) {
  const width = Math.min(side, part.width);
  const height = Math.min(side, part.height);
  return {
    x: part.x + Math.floor((part.width - width) / 2),
    y: part.y + Math.floor((part.height - height) / 2),
    width,
    height,
  };
}

/* Draws the two halves on the canvas. */

import { origin } from "./geometry.js";

const SHARP = 2; // from here on, pixels are shown as squares
const SQUARE = 8; // side of a square of the board that is seen through transparent parts

let board = null;

/** Squares in two greys, as picture editors show what is transparent. */
function checkerboard(context) {
  if (board) return board;
  const canvas = new OffscreenCanvas(2 * SQUARE, 2 * SQUARE);
  const drawing = canvas.getContext("2d");
  drawing.fillStyle = "#fff";
  drawing.fillRect(0, 0, 2 * SQUARE, 2 * SQUARE);
  drawing.fillStyle = "#ccc";
  drawing.fillRect(0, 0, SQUARE, SQUARE);
  drawing.fillRect(SQUARE, SQUARE, SQUARE, SQUARE);
  board = context.createPattern(canvas, "repeat");
  return board;
}

function place(part, view, corner) {
  // edges on whole pixels, so that neighbours meet
  const left = Math.round(corner.x + part.x * view.scale);
  const top = Math.round(corner.y + part.y * view.scale);
  const right = Math.round(corner.x + (part.x + part.width) * view.scale);
  const bottom = Math.round(corner.y + (part.y + part.height) * view.scale);
  return [left, top, right - left, bottom - top];
}

/**
 * One half: `clip` is { left, width } on the canvas, `pane` the size of the pane and where it begins.
 * `backdrop` is drawn faintly below `stack` where the result is not there yet. If the picture
 * `hasAlpha`, pieces hide those below them also where they are transparent.
 */
export function drawHalf(context, { pane, clip, view, stack, backdrop, outline, picture }) {
  context.save();
  context.beginPath();
  context.rect(clip.left, pane.top, clip.width, pane.height);
  context.clip();
  const inner = origin(view, pane);
  const corner = { x: inner.x + pane.left, y: inner.y + pane.top };
  context.imageSmoothingEnabled = view.scale < SHARP;
  context.imageSmoothingQuality = "high";
  const draw = (pieces) => {
    for (const { part, bitmap } of pieces) {
      const rectangle = place(part, view, corner);
      if (picture.hasAlpha) {
        context.fillStyle = checkerboard(context);
        context.fillRect(...rectangle);
      }
      context.drawImage(bitmap, ...rectangle);
    }
  };
  if (backdrop) {
    draw(backdrop);
    context.fillStyle = "rgb(0 0 0 / 0.3)";
    context.fillRect(...place({ x: 0, y: 0, width: picture.width, height: picture.height }, view, corner));
  }
  draw(stack);
  if (outline) {
    const [left, top, width, height] = place(outline, view, corner);
    context.setLineDash([8, 6]);
    context.lineWidth = 2;
    context.strokeStyle = "rgb(255 255 255 / 0.85)";
    context.strokeRect(left + 1, top + 1, width - 2, height - 2);
  }
  context.restore();
}

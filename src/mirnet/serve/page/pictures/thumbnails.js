/* Small pictures of the list: made here where the browser reads the file, else by the server. */

import { thumbnail } from "../server/api.js";

const SIDE = 160; // pixels, twice what the list shows
const READ_BY_BROWSERS = /\.(jpe?g|png|webp|avif)$/i;

const toDo = [];
let busy = false;

async function shrink(file) {
  const url = URL.createObjectURL(file);
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const { naturalWidth: width, naturalHeight: height } = image;
    const scale = Math.min(1, SIDE / Math.min(width, height));
    const canvas = new OffscreenCanvas(Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)));
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    return { blob: await canvas.convertToBlob({ type: "image/jpeg", quality: 0.85 }), size: { width, height } };
  } finally {
    URL.revokeObjectURL(url);
  }
}

async function run(onDone) {
  busy = true;
  for (let picture = toDo.shift(); picture; picture = toDo.shift()) {
    try {
      // one at a time: a decoded photograph takes a hundred megabytes
      const { blob, size } = await shrink(picture.file);
      picture.thumbnail = URL.createObjectURL(blob);
      picture.size = size;
      onDone(picture);
    } catch {
      // damaged or unusual: the server may know better
    }
  }
  busy = false;
}

/** Makes the thumbnails of new pictures, one after the other. */
export function makeThumbnails(pictures, onDone) {
  toDo.push(...pictures.filter((picture) => picture.file && READ_BY_BROWSERS.test(picture.name)));
  if (!busy) run(onDone);
}

/** The server's thumbnail, for a picture that has none yet. */
export async function fetchThumbnail(picture) {
  if (picture.thumbnail || picture.asked) return false;
  picture.asked = true;
  try {
    const blob = await thumbnail(picture.restoration.id);
    picture.thumbnail ??= URL.createObjectURL(blob);
    return true;
  } catch {
    picture.asked = false;
    return false;
  }
}

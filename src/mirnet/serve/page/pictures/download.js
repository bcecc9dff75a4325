/* Results to the reader's disk: one, or all in a ZIP that keeps the folders. */

import { result } from "../server/api.js";
import { downloadZip } from "../vendor/client-zip.js";

const LARGE = 300; // megapixels in all, from which a ZIP is written to the disk as it grows

/** The name that the server gives a result. */
function nameOf(response, otherwise) {
  const header = response.headers.get("Content-Disposition") ?? "";
  const encoded = header.match(/filename\*=UTF-8''([^;]+)/i);
  if (encoded) return decodeURIComponent(encoded[1]);
  return header.match(/filename="([^"]+)"/)?.[1] ?? otherwise;
}

function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** `query` is how it is saved: strength, format, quality. */
export async function downloadOne(picture, query) {
  const response = await result(picture.restoration.id, query);
  save(await response.blob(), nameOf(response, picture.name));
}

/** A name of a ZIP that no other entry has. */
function unique(path, taken) {
  const dot = path.lastIndexOf(".");
  let name = path;
  for (let count = 2; taken.has(name); count += 1) name = `${path.slice(0, dot)} (${count})${path.slice(dot)}`;
  taken.add(name);
  return name;
}

async function* entries(pictures, queryOf, onPacked) {
  const taken = new Set();
  let packed = 0;
  for (const picture of pictures) {
    onPacked(packed);
    const response = await result(picture.restoration.id, queryOf(picture));
    const folders = picture.path.split("/").slice(0, -1);
    const name = unique([...folders, nameOf(response, picture.name)].join("/"), taken);
    yield { name, input: response, lastModified: picture.file ? new Date(picture.file.lastModified) : new Date() };
    packed += 1;
  }
}

/** All pictures in a ZIP; `onPacked` hears how many are in. False where the reader decides otherwise. */
export async function downloadAll(pictures, queryOf, onPacked) {
  const megapixels = pictures.reduce((sum, picture) => sum + (picture.megapixels ?? 0), 0);
  let file = null;
  if (megapixels > LARGE && window.showSaveFilePicker) {
    try {
      file = await showSaveFilePicker({ suggestedName: "mirnet.zip", types: [{ accept: { "application/zip": [".zip"] } }] });
    } catch (error) {
      if (error.name === "AbortError") return false;
      throw error;
    }
  }
  const zip = downloadZip(entries(pictures, queryOf, onPacked));
  if (file) await zip.body.pipeTo(await file.createWritable());
  else save(await zip.blob(), "mirnet.zip");
  return true;
}

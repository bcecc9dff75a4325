/* Files from what was dropped or chosen, folders and all, sorted into what can be restored. */

/** Every file below an entry of a drop, with its path. */
async function* walk(entry) {
  const path = entry.fullPath.replace(/^\//, "");
  if (entry.isFile) {
    yield { path, file: await new Promise((resolve, reject) => entry.file(resolve, reject)) };
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    // gives at most a hundred at a time, and none at the end
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!entries.length) return;
    for (const below of entries) yield* walk(below);
  }
}

/** The files of a drop. Entries must be taken before the event is over. */
export async function filesOfDrop(transfer) {
  const entries = [...transfer.items].filter((item) => item.kind === "file").map((item) => item.webkitGetAsEntry());
  const loose = [...transfer.files];
  const found = [];
  if (entries.some((entry) => entry === null)) return loose.map((file) => ({ path: file.name, file }));
  for (const entry of entries) {
    for await (const item of walk(entry)) found.push(item);
  }
  return found;
}

export const filesOfInput = (input) =>
  [...input.files].map((file) => ({ path: file.webkitRelativePath || file.name, file }));

function suffixOf(path) {
  const name = path.split("/").at(-1);
  return name.includes(".") ? `.${name.split(".").at(-1).toLowerCase()}` : "";
}

const naturally = new Intl.Collator(undefined, { numeric: true }).compare;

/**
 * What can be restored, what needs an extra, and how many files are neither.
 * `facts` is the server's answer of `/v1/models`.
 */
export function sort(found, facts) {
  const pictures = [];
  const extras = new Map(); // by how to install: { install, count, suffixes }
  let others = 0;
  for (const item of found.sort((one, other) => naturally(one.path, other.path))) {
    const suffix = suffixOf(item.path);
    const hidden = item.path.split("/").some((part) => part.startsWith("."));
    const missing = facts.missing_extras.find((extra) => extra.suffixes.includes(suffix));
    if (hidden) continue; // such as macOS's ._ files
    if (facts.formats_in.includes(suffix)) pictures.push(item);
    else if (missing) {
      const entry = extras.get(missing.install) ?? { install: missing.install, count: 0, suffixes: new Set() };
      entry.count += 1;
      entry.suffixes.add(suffix.slice(1).toUpperCase());
      extras.set(missing.install, entry);
    } else others += 1;
  }
  return { pictures, extras: [...extras.values()], others };
}

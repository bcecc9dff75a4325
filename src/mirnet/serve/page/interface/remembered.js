/* Choices that outlast the page: language, theme, shortcuts. Browsers may forbid storage. */

export function recall(key, otherwise) {
  try {
    return localStorage.getItem(`mirnet.${key}`) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function remember(key, value) {
  try {
    localStorage.setItem(`mirnet.${key}`, value);
  } catch {
    // the choice holds until the page is closed
  }
}

/**
 * The value of a text that is JSON, else `otherwise`. What is no text is a value already.
 * @param {unknown} text
 * @param {unknown} [otherwise]
 * @returns {any}
 */
export function parsed(text, otherwise) {
  try {
    return typeof text === 'string' ? JSON.parse(text) : text;
  } catch {
    return otherwise;
  }
}

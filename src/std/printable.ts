// RFC 9110 section 5.5 allows a tab and no other control character.
const UNPRINTABLE = /[\u0000-\u0008\u000a-\u001f\u007f]/;

/** Whether a header can carry the text: one with CR, LF, NUL or their like never reaches one. */
export const isPrintable = (text: string): boolean => !UNPRINTABLE.test(text);

/** The same length without what could steer the terminal that prints it; tabs stay. */
export const visible = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}]/gu, (character) =>
    character === "\t" ? character : "�".repeat(character.length),
  );

/** Longer texts are cut where people read them. */
const MAX_LENGTH = 200;

/** A text for people: its beginning where it is long. */
export const cut = (text: string): string =>
  text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;

/** The same in quotes, and so that every character can be told. */
export const quoted = (text: string): string => cut(JSON.stringify(text));

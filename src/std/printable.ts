// RFC 9110 section 5.5 allows a tab and no other control character.
const UNPRINTABLE = /[\u0000-\u0008\u000a-\u001f\u007f]/;

/** Whether a header can carry the text: one with CR, LF, NUL or their like never reaches one. */
export const isPrintable = (text: string): boolean => !UNPRINTABLE.test(text);

/** The same length without what could steer the terminal that prints it; tabs stay. */
export const visible = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}]/gu, (character) =>
    character === "\t" ? character : "�".repeat(character.length),
  );

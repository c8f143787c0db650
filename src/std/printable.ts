// RFC 9110 section 5.5 allows a tab and no other control character.
const UNPRINTABLE = /[\u0000-\u0008\u000a-\u001f\u007f]/;

/** Whether a header can carry the text: one with CR, LF, NUL or their like never reaches one. */
export const isPrintable = (text: string): boolean => !UNPRINTABLE.test(text);

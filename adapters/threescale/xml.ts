/** An element of XML. Text between elements is not kept where there are elements. */
export interface Element {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly Element[];
  readonly text: string;
}

const MAX_DEPTH = 16;
const MAX_ELEMENTS = 10_000;

/** Declarations of types, processing instructions, comments and CDATA are none of the few things that 3scale writes. */
const TOKEN =
  /<(?<close>\/)?(?<name>[A-Za-z_][\w.-]*)(?<attributes>(?:\s+[A-Za-z_][\w.-]*\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(?<empty>\/)?>|(?<text>[^<]+)/y;
const ATTRIBUTE = /([A-Za-z_][\w.-]*)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;
const DECLARATION = /^\uFEFF?\s*(?:<\?xml[^?<>]*\?>)?\s*/;

interface Open {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: Element[];
  text: string;
}

/** Reads one whole document of elements, attributes and text; undefined for anything else, and for what is deep or long beyond use. */
export function readXml(source: string): Element | undefined {
  const document = source.replace(DECLARATION, "").trimEnd();
  const stack: Open[] = [{ name: "", attributes: new Map(), children: [], text: "" }];
  const token = new RegExp(TOKEN);
  for (let count = 0; token.lastIndex < document.length; count++) {
    const found = token.exec(document)?.groups;
    if (found === undefined || count > 3 * MAX_ELEMENTS || !take(found, stack)) return undefined;
  }
  const [outside, ...unclosed] = stack;
  const [root, ...others] = outside?.children ?? [];
  return unclosed.length === 0 && others.length === 0 && outside?.text === "" ? root : undefined;
}

/** False where the token cannot stand there. */
function take(found: Readonly<Record<string, string | undefined>>, stack: Open[]): boolean {
  const top = stack.at(-1);
  if (top === undefined) return false;
  const { name, text, close, empty } = found;
  if (name === undefined) {
    const decoded = unescape(text ?? "");
    if (decoded === undefined) return false;
    top.text += decoded;
    return true;
  }
  const attributes = readAttributes(found["attributes"] ?? "");
  if (attributes === undefined || (close !== undefined && (empty !== undefined || attributes.size > 0)))
    return false;
  if (close !== undefined) {
    stack.pop();
    stack.at(-1)?.children.push(top);
    return top.name === name && stack.length > 0;
  }
  const opened: Open = { name, attributes, children: [], text: "" };
  if (empty !== undefined) top.children.push(opened);
  else stack.push(opened);
  return stack.length <= MAX_DEPTH;
}

function readAttributes(source: string): ReadonlyMap<string, string> | undefined {
  const attributes = new Map<string, string>();
  for (const [, name = "", double, single] of source.matchAll(ATTRIBUTE)) {
    const value = unescape(double ?? single ?? "");
    if (value === undefined || attributes.has(name)) return undefined;
    attributes.set(name, value);
  }
  return attributes;
}

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ["lt", "<"],
  ["gt", ">"],
  ["amp", "&"],
  ["quot", '"'],
  ["apos", "'"],
]);

const REFERENCE = /&(?:#(\d{1,7})|#x([0-9A-Fa-f]{1,6})|([a-z]+));|&/g;

/** Undefined where there is an ampersand that begins nothing known. */
function unescape(text: string): string | undefined {
  const parts: string[] = [];
  let end = 0;
  for (const found of text.matchAll(REFERENCE)) {
    const character = referred(found);
    if (character === undefined) return undefined;
    parts.push(text.slice(end, found.index), character);
    end = found.index + found[0].length;
  }
  return parts.join("") + text.slice(end);
}

function referred([, decimal, hex, name = ""]: RegExpExecArray): string | undefined {
  if (decimal === undefined && hex === undefined) return ENTITIES.get(name);
  const code = decimal === undefined ? parseInt(hex ?? "", 16) : Number(decimal);
  return code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
}

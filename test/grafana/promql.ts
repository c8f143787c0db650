/** A selector of series in a PromQL expression. */
export interface Selector {
  /** Empty where only matchers say what is selected. */
  readonly metric: string;
  readonly matchers: readonly { readonly label: string; readonly value: string }[];
  /** What stands in brackets behind it; `undefined` of an instant. */
  readonly range: string | undefined;
  /** The function whose parentheses it stands directly in; empty where there is none. */
  readonly within: string;
}

/** What an expression names. */
export interface Names {
  readonly selectors: readonly Selector[];
  /** Labels of `by`, `on` and their like. */
  readonly grouping: readonly string[];
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[a-zA-Z_:][\w:]*|\d[\w.]*|[=!]~|[=!<>]=|\S/g;
const LABEL_LISTS = new Set(["by", "without", "on", "ignoring", "group_left", "group_right"]);
const WORDS = new Set(["and", "or", "unless", "offset", "bool", "inf", "nan"]);

/**
 * Reads what an expression names, without knowing what it means: Prometheus itself says whether it is well formed. Nothing that
 * dashboards and rules do not use is read: `@`, subqueries, numbers in other forms.
 */
export function namesIn(expression: string): Names {
  const tokens = expression.match(TOKEN) ?? [];
  const selectors: Selector[] = [];
  const grouping: string[] = [];
  const functions: string[] = [];
  let index = 0;
  const next = (): string => tokens[index++] ?? "";
  const listUntil = (end: string): readonly string[] => {
    const from = index;
    while (tokens[index] !== end && index < tokens.length) index++;
    return tokens.slice(from, index++);
  };
  const selectorOf = (metric: string): void => {
    const matchers = tokens[index] === "{" ? matchersOf((index++, listUntil("}"))) : [];
    const range = tokens[index] === "[" ? (index++, listUntil("]").join("")) : undefined;
    selectors.push({ metric, matchers, range, within: functions.at(-1) ?? "" });
  };
  while (index < tokens.length) {
    const token = next();
    if (token === "(") functions.push("");
    else if (token === ")") functions.pop();
    else if (token === "{") {
      index--;
      selectorOf("");
    } else if (!/^[a-zA-Z_:]/.test(token) || WORDS.has(token.toLowerCase())) continue;
    else if (LABEL_LISTS.has(token) && tokens[index] === "(") {
      index++;
      grouping.push(...listUntil(")").filter((one) => one !== ","));
    } else if (tokens[index] === "(") {
      index++;
      functions.push(token);
    } else if (!LABEL_LISTS.has(tokens[index] ?? "")) selectorOf(token);
  }
  return { selectors, grouping };
}

const matchersOf = (tokens: readonly string[]): Selector["matchers"] =>
  Array.from(tokens.entries())
    .filter(([index]) => index % 4 === 0)
    .map(([index, label]) => ({ label, value: (tokens[index + 2] ?? "").slice(1, -1) }));

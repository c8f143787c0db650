import type { Read, Unknown } from "../cel/expression.ts";

/** A text in which `${CEL}` is replaced. */
export interface Text {
  /** UNKNOWN when one of its expressions is. */
  render(context: object): string | Unknown;
  /** What its expressions read. */
  readonly reads: readonly Read[];
  /** Whether it has no expressions: it is the same for all requests. */
  readonly isLiteral: boolean;
}

/** A header (lower case), a query parameter, or a field of metadata, with its value. */
export interface NamedText {
  readonly name: string;
  readonly value: Text;
}

/** What a refused caller is told. */
export interface Answer {
  /** 300 to 599; undefined: 403, or 302 of a redirect. */
  readonly status: number | undefined;
  /** Undefined: the status's reason phrase. */
  readonly body: Text | undefined;
  readonly contentType: Text | undefined;
  readonly set: readonly NamedText[];
  readonly append: readonly NamedText[];
  /** The value of Location. */
  readonly redirect: Text | undefined;
  /** Fields of the answer's dynamic metadata. */
  readonly metadata: readonly NamedText[];
}

/** What is told where a policy says nothing about it. */
export const PLAIN_ANSWER: Answer = {
  status: undefined,
  body: undefined,
  contentType: undefined,
  set: [],
  append: [],
  redirect: undefined,
  metadata: [],
};

/** What a grant does to the request on its way up and to the response on its way down. */
export interface Effects {
  readonly requestSet: readonly NamedText[];
  readonly requestAppend: readonly NamedText[];
  readonly requestRemove: readonly string[];
  readonly querySet: readonly NamedText[];
  readonly queryRemove: readonly string[];
  readonly responseSet: readonly NamedText[];
  readonly responseAppend: readonly NamedText[];
  readonly metadata: readonly NamedText[];
}

/** Every text of an answer or of effects. */
export const textsOf = (one: Answer | Effects): readonly Text[] =>
  "querySet" in one
    ? [
        ...[one.requestSet, one.requestAppend, one.querySet],
        ...[one.responseSet, one.responseAppend, one.metadata],
      ].flatMap((texts) => texts.map(({ value }) => value))
    : [
        ...[one.body, one.contentType, one.redirect].filter((text) => text !== undefined),
        ...[one.set, one.append, one.metadata].flatMap((texts) => texts.map(({ value }) => value)),
      ];

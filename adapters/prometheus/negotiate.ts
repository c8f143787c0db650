import type { ScrapeRequest } from "../../src/adapter/report.ts";

/** The two formats that Prometheus reads: its own text format, 0.0.4, and OpenMetrics 1.0. */
export type Format = "text" | "openmetrics";

export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  text: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/** One element of an Accept or Accept-Encoding header. */
interface Wish {
  readonly name: string;
  readonly parameters: ReadonlyMap<string, string>;
  /** From 0, which is never, to 1. */
  readonly weight: number;
}

/** The format that is wished for most; text where neither is, since a page of another format is better than none. */
export function formatOf({ accept }: ScrapeRequest): Format {
  const wishes = readWishes(accept);
  const weightOf = (matches: (wish: Wish) => boolean): number => wishes.find(matches)?.weight ?? 0;
  const isVersion = ({ parameters }: Wish, versions: readonly string[]): boolean =>
    versions.includes(parameters.get("version") ?? versions[0] ?? "");
  const openmetrics = weightOf(
    (wish) => wish.name === "application/openmetrics-text" && isVersion(wish, ["1.0.0", "0.0.1"]),
  );
  // Any type means that nobody looked: that is the older format's.
  const text = Math.max(
    weightOf((wish) => wish.name === "text/plain" && isVersion(wish, ["0.0.4"])),
    weightOf(({ name }) => name === "text/*" || name === "*/*"),
  );
  return openmetrics > 0 && openmetrics >= text ? "openmetrics" : "text";
}

/** Whether the page may be compressed. */
export function isGzipTaken({ acceptEncoding }: ScrapeRequest): boolean {
  const wishes = readWishes(acceptEncoding);
  const wish =
    wishes.find(({ name }) => name === "gzip" || name === "x-gzip") ??
    wishes.find(({ name }) => name === "*");
  return wish !== undefined && wish.weight > 0;
}

/** The heaviest first. Source: RFC 9110, sections 12.4.2 and 12.5. */
function readWishes(header: string): readonly Wish[] {
  const wishes = header.split(",").map((element): Wish => {
    const [name = "", ...rest] = element.split(";").map((part) => part.trim());
    const parameters = new Map(
      rest.map((part): [string, string] => {
        const [key = "", value = ""] = part.split("=", 2);
        return [key.trim().toLowerCase(), value.trim().replace(/^"(.*)"$/, "$1")];
      }),
    );
    const weight = Number(parameters.get("q") ?? "1");
    return { name: name.toLowerCase(), parameters, weight: weight >= 0 && weight <= 1 ? weight : 0 };
  });
  return wishes.toSorted((left, right) => right.weight - left.weight);
}

/** Series over time, in promtool's notation: `0+60x20` begins at 0 and grows by 60 twenty times. */
export type Series = Readonly<Record<string, string>>;

/** When an alert fires, and when it does not. */
export interface AlertCase {
  readonly alert: string;
  /** How often rules are evaluated; series have a value a minute. Windows of days take long with short steps. */
  readonly evaluated: "1m" | "30m";
  readonly fires: {
    readonly series: Series;
    readonly at: string;
    /** The labels of the alert that fires, and what its summary says then. */
    readonly labels: Readonly<Record<string, string>>;
    readonly summary: string;
  };
  readonly quiet: { readonly series: Series; readonly at: string };
}

import { writeFileSync } from "node:fs";
import { faultNames, faultsOf, printed } from "./faults.ts";

// Writes what is printed of each fault beside it; read the difference before it is committed.
for (const stage of ["load", "compile"] as const) {
  for (const name of faultNames(stage))
    writeFileSync(new URL(`${name}.txt`, faultsOf(stage)), printed(stage, name));
}

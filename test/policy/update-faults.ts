import { writeFileSync } from "node:fs";
import { FAULTS, faultNames, printed } from "./faults.ts";

// Writes what is printed of each fault beside it; read the difference before it is committed.
for (const name of faultNames()) writeFileSync(new URL(`${name}.txt`, FAULTS), printed(name));

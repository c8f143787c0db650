import type { ServerResponse } from "node:http";

/**
 * Sends a body slice after slice, each when the one before has left for the system: so a slow reader makes nothing wait in memory, and one
 * slice may be written over by the next. `gone`: the reader did not wait for all. Rejects where what makes the slices has failed, so that the
 * reader finds the body cut.
 */
export async function sendSlices(
  response: ServerResponse,
  slices: AsyncIterable<Uint8Array>,
): Promise<"sent" | "gone"> {
  try {
    for await (const slice of slices) {
      if ((await written(response, slice)) === "gone") return "gone";
    }
  } catch (error) {
    response.destroy();
    throw error;
  }
  response.end();
  return "sent";
}

const written = (response: ServerResponse, slice: Uint8Array): Promise<"written" | "gone"> =>
  new Promise((resolve) => {
    response.write(slice, (error) => {
      resolve(error === null || error === undefined ? "written" : "gone");
    });
  });

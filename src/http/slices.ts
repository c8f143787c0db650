import type { ServerResponse } from "node:http";

/**
 * Sends a body slice after slice, each when the one before has left for the system: so a slow reader makes nothing wait in memory, and one
 * slice may be written over by the next. Rejects where the reader has gone, or what makes the slices has failed; the response is destroyed then.
 */
export async function sendSlices(response: ServerResponse, slices: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const slice of slices) await written(response, slice);
    response.end();
  } catch (error) {
    response.destroy();
    throw error;
  }
}

const written = (response: ServerResponse, slice: Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => {
    response.write(slice, (error) => {
      if (error === null || error === undefined) resolve();
      else reject(error);
    });
  });

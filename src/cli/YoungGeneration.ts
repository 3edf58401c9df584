import * as v8 from "node:v8"

/**
 * Keeps V8's young generation at the size that it has. It would double, up to 16 MB twice, with each burst of
 * connections or of captured frames, and give nothing back: a thousand guests took 21 MB then and take 13 so, and who
 * has captured stays at 100 MB instead of 124 (docs/decisions/0023-the-young-generation-stays-small.md).
 *
 * To be called when all is loaded: V8 takes code caches, Node's and ours, only with the settings that they were made
 * with.
 */
export const keepSmall = (): void => v8.setFlagsFromString("--semi-space-growth-factor=1")

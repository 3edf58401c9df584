import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import { SimKernel, type SimKernelOptions } from "./SimKernel.ts"

/**
 * The simulated kernel that the adapters of one program share, as a test sees it: guests connect to it, the host's
 * ends of taps are had from it, its clock is advanced and its faults are set. Production code sees only the ports.
 */
export class SimWorld extends Context.Tag("vknetd/sim/SimWorld")<SimWorld, SimKernel>() {}

/** A kernel of its own for each program that it is provided to. */
export const layer = (options: SimKernelOptions = {}): Layer.Layer<SimWorld> =>
  Layer.sync(SimWorld, () => new SimKernel(options))

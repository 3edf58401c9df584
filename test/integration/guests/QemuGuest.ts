import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Guest } from "./Guest.ts"
import { guestOnConsole, powerOff } from "./Guest.ts"
import { kernelDirectory } from "./GuestPackages.ts"
import type { HostProcessError } from "./HostProcess.ts"
import { startProcess } from "./HostProcess.ts"

export interface QemuRequest {
  readonly name: string
  readonly initramfs: string
  /** The shell's line that starts QEMU with a virtio card on the switch; more words follow it. */
  readonly line: string
  /** Runs it as this user; default: as the one who runs the test. */
  readonly uid?: number | undefined
}

/** Without KVM: a nested machine may offer it and not be able to keep what it offers. */
const machineWords = "-accel tcg -cpu max -m 192 -nodefaults -no-reboot -display none -serial stdio"
  + ` -kernel ${kernelDirectory}/vmlinuz -append 'console=ttyS0 quiet loglevel=1 panic=-1'`

/** Boots QEMU with Debian's cloud kernel; powered off, or killed, when the scope ends. */
export const startQemuGuest = (
  request: QemuRequest
): Effect.Effect<Guest, HostProcessError, Scope.Scope> =>
  Effect.gen(function*() {
    const process = yield* startProcess(
      ["sh", "-c", `exec ${request.line} ${machineWords} -initrd ${request.initramfs}`],
      { beforeKill: powerOff, uid: request.uid }
    )
    return yield* guestOnConsole({ name: request.name, interfaceName: "eth0", process })
  })

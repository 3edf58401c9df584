import type * as Effect from "effect/Effect"
import { type HostProcessError, succeed } from "./HostProcess.ts"

/** Asks for the host's address as a guest would, again and again as one would, and prints the answer's operation. */
const question = `
import socket, sys
mac = bytes.fromhex("0200000000aa")
guest = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
guest.connect(sys.argv[1])
guest.settimeout(0.5)
for _ in range(20):
    guest.send(b"\\xff" * 6 + mac + bytes.fromhex("08060001080006040001") + mac + bytes([10, 1, 0, 2]) + bytes(6)
               + bytes([10, 1, 0, 1]) + bytes(18))
    try:
        frame = guest.recv(2048)
        while frame[12:14] != b"\\x08\\x06":
            frame = guest.recv(2048)
        print(frame[21])
        break
    except TimeoutError:
        pass
`

/** What {@link askHost} gives when the host has answered. */
export const arpReply = "2\n"

/** Connects a guest, 10.1.0.2, that asks the switch's host, 10.1.0.1, for its address by ARP. */
export const askHost = (socketPath: string): Effect.Effect<string, HostProcessError> =>
  succeed(["python3", "-c", question, socketPath], { timeoutMs: 15_000 })

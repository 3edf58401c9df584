import { assert, describe, it } from "@effect/vitest"
import { ServeError } from "../../src/adapters/native/HttpListener.ts"
import { BridgeError } from "../../src/services/BridgeControl.ts"
import { DataPlaneError } from "../../src/services/DataPlane.ts"
import { PidFileError } from "../../src/services/PidFile.ts"
import { ListenError } from "../../src/services/SeqpacketListener.ts"
import { TapError } from "../../src/services/TapDevice.ts"

describe("what cannot be opened because too many files are", () => {
  const failures = (code: string): ReadonlyArray<readonly [Error, string]> => [
    [new TapError({ operation: "open", interfaceName: "auto", code }), "cannot open a tap"],
    [new ListenError({ path: "/run/s", code }), "cannot listen on /run/s"],
    [new ServeError({ what: "metrics", host: "127.0.0.1", port: 9, code }), "cannot serve metrics on 127.0.0.1:9"],
    [new BridgeError({ operation: "create", bridgeName: "bridge0", code }), "cannot create bridge bridge0"],
    [new PidFileError({ path: "/run/p", code, pid: undefined }), "cannot write /run/p"],
    [new DataPlaneError({ operation: "start", detail: code }), "cannot start the forwarding loop"]
  ]

  it("is told with the limit that is to be raised", () => {
    const remedies = {
      EMFILE: "raise the limit of open files: ulimit -n, or LimitNOFILE= in systemd's unit",
      ENFILE: "the whole system has too many open files; raise fs.file-max, on DragonFly kern.maxfiles, with sysctl"
    }
    for (const [code, remedy] of Object.entries(remedies)) {
      for (const [{ message }, what] of failures(code)) {
        assert.strictEqual(message, `${what}: ${code} (${remedy})`)
      }
    }
  })
})

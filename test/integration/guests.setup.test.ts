import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { guestPackages } from "./guests/GuestPackages.ts"

const script = fileURLToPath(new URL("../../scripts/setup-guests.sh", import.meta.url))

describe("npm run setup:guests", () => {
  it("installs the packages that the tests with real guests look for", () => {
    const printed = execFileSync("bash", [script, "--print"], { encoding: "utf8" })
    assert.deepStrictEqual(printed.trim().split("\n"), Object.keys(guestPackages))
  })
})

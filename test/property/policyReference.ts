/** What should become of a frame, by the slow tables that `vknetd explain` prints from. */
import { explain } from "../../src/domain/explanation/Explanation.ts"
import type { Allowances } from "../../src/domain/policy/Allowances.ts"
import type { SwitchSettings } from "../../src/domain/SwitchSettings.ts"

/** Names of the reasons, `PASS` where there is none. */
export const expected = (
  octets: Uint8Array,
  fromTap: boolean,
  settings: SwitchSettings,
  allowances: Allowances = {},
  isTrunk = false
) => {
  const mayServe = allowances.dhcpServer === "any"
  const { reason, tapReason } = explain(octets, { settings, allowances, fromTap, mayServe, isTrunk })
  return { reason, tapReason }
}

/** The number of the rule that denies a frame, or keeps it from the tap. */
export const denyingRule = (
  octets: Uint8Array,
  fromTap: boolean,
  settings: SwitchSettings,
  allowances: Allowances = {},
  isTrunk = false
): string | undefined => {
  const mayServe = allowances.dhcpServer === "any"
  const { met, metForTap } = explain(octets, { settings, allowances, fromTap, mayServe, isTrunk })
  return [...met, ...metForTap].find(({ denies }) => denies !== undefined)?.rule
}

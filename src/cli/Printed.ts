import { version } from "../../package.json"
import { helpText } from "./Help.ts"

/** What `--version` prints. */
export const versionText = `vknetd ${version}`

/** What a command line of this one word prints; undefined if it is not for printing. Needs no more of the program. */
export const printedFor = (word: string): string | undefined => {
  if (word === "--version") return versionText
  return word === "-h" || word === "--help" ? helpText() : undefined
}

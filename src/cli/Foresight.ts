import { readinessVariable } from "./Readiness.ts"

/**
 * Whether this process is likely to become a switch, told from the words alone: in the foreground, or as the copy in
 * the background. Every switch is known for one; another command that is taken for one has started a thread in vain.
 *
 * @param argv the words behind the program's name.
 */
export const seemsToServe = (argv: ReadonlyArray<string>, environment: NodeJS.ProcessEnv): boolean =>
  environment[readinessVariable] !== undefined || argv.some((word) => /^-\w*d|^--simulate$/.test(word))

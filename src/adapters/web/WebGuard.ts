import { createHash, timingSafeEqual } from "node:crypto"

/**
 * Who may look at the page.
 *
 * On an address of the loopback interface every program of this machine reaches it, and so do the pages of the whole
 * world that somebody here has open in a browser: they may not read the answers of another origin, unless a name of
 * theirs comes to mean this address. So a request has to name the address by which the page is served, and what a
 * browser says is asked for by another site is not answered. On other addresses, and wherever there is one, a token
 * decides.
 */
export interface WebGuard {
  /** What `Host` may say; undefined: anything, for the names of other addresses are not ours to know. */
  readonly hosts: ReadonlySet<string> | undefined
  /** SHA-256 of what `Authorization` has to say; undefined: nothing. */
  readonly authorization: Buffer | undefined
}

const digest = (text: string): Buffer => createHash("sha256").update(text).digest()

/** What a browser leaves out of `Host`. */
const usualPort = 80

export const make = (address: {
  readonly host: string
  readonly port: number
  readonly isLoopback: boolean
  readonly token: string | undefined
}): WebGuard => {
  const own = address.host.includes(":") ? `[${address.host}]` : address.host
  const names = ["localhost", "127.0.0.1", "[::1]", own]
  const hosts = names.flatMap((name) => [
    `${name}:${address.port}`,
    ...(address.port === usualPort ? [name] : [])
  ])
  return {
    hosts: address.isLoopback ? new Set(hosts) : undefined,
    authorization: address.token === undefined ? undefined : digest(`Bearer ${address.token}`)
  }
}

/** A status and what to say with it. */
export interface Objection {
  readonly status: 401 | 403 | 405
  readonly message: string
}

interface Asked {
  readonly method: string
  readonly headers: Readonly<Record<string, string | undefined>>
}

/** Against any request; undefined: none. */
export const object = ({ hosts }: WebGuard, { headers, method }: Asked): Objection | undefined => {
  if (hosts !== undefined && !hosts.has(headers["host"]?.toLowerCase() ?? "")) {
    return { status: 403, message: `the page is served as ${[...hosts].join(", ")}, and by no other name` }
  }
  return method === "GET" || method === "HEAD" ? undefined : { status: 405, message: "nothing can be changed here" }
}

/** Against a request for more than the empty page; undefined: none. */
export const objectToReader = ({ authorization }: WebGuard, { headers }: Asked): Objection | undefined => {
  const site = headers["sec-fetch-site"]
  // Typed into the address line it is `none`; what is no browser does not say it.
  if (site !== undefined && site !== "same-origin" && site !== "none") {
    return { status: 403, message: "another site's page may not ask" }
  }
  if (authorization === undefined) return undefined
  return timingSafeEqual(digest(headers["authorization"] ?? ""), authorization)
    ? undefined
    : { status: 401, message: "the token is missing or wrong" }
}

/** What every answer tells a browser not to do: run, load or send anything that is not the page's own. */
export const answerHeaders: Readonly<Record<string, string>> = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'"
  ].join("; "),
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "cache-control": "no-store"
}

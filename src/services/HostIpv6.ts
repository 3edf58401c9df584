/** What kernels say whose IPv6 is missing, or switched off on the interface. */
const codes: ReadonlySet<string> = new Set(["EACCES", "EOPNOTSUPP", "EAFNOSUPPORT"])

/** What to do about an errno that an IPv6 address met, to stand behind it in a message; undefined if it is another. */
export const remedyFor = (code: string): string | undefined =>
  codes.has(code) ? " (the host's IPv6 is off; on Linux see sysctl net.ipv6.conf)" : undefined

/** The usage in one line, with which mistakes of form end. */
export const usageLine =
  "usage: vknetd [-cdU] [-b bridgeN] [-p socket_path] [-i pidfile] [-t tapN] [address/cidrbits]"

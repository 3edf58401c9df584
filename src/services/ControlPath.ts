/** Where the control channel of a switch is, by where its guests' socket is. */
export const controlPath = (socketPath: string): string => `${socketPath}.ctl`

/** What can be done to a guest's port; the second of a pair undoes the first. */
export const portActions = ["disconnect", "pin", "unpin", "isolate", "unisolate"] as const

/** What can be set while the switch runs, by the names of the options. */
export const settingKeys = ["log-level", "mac-age", "storm-rate", "arp-rate"] as const

/** Header of a capture's answer: the number by which the capture is ended. */
export const captureHeader = "capture-id"

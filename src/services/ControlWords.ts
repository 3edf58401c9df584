/** What can be done to a guest's port; the second of a pair undoes the first. */
export const portActions = ["disconnect", "pin", "unpin", "isolate", "unisolate"] as const

/** What can be set while the switch runs. */
export const settingKeys = ["log-level", "station-age", "storm-rate", "arp-rate"] as const

/** Octets of a frame that a capture keeps unless told: all, as tcpdump(8) has it. */
export const snapBytesMax = 262_144

/** Header of a capture's answer: the number by which the capture is ended. */
export const captureHeader = "capture-id"

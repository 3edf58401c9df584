/** What can be done to a guest's port; the second of a pair undoes the first. */
export const portActions = ["disconnect", "pin", "unpin", "isolate", "unisolate"] as const

/** What can be set while the switch runs. */
export const settingKeys = ["log-level", "station-age", "storm-rate", "arp-rate"] as const

import type { Port } from "../../../services/ControlAnswers.ts"
import type { Denial } from "../../../services/LookSchema.ts"
import { age, scaled } from "../../../services/Figures.ts"

/** What is said of things, in one place, so that the drawing, the tables and the voice say the same. */

export const plural = (count: number, one: string): string =>
  `${count.toLocaleString("en")} ${count === 1 ? one : `${one}s`}`

/** Who is at the other end, in a word. */
export const nameOf = ({ command, kind, pid }: Port): string =>
  kind === "tap" ? "host" : command ?? (pid === null ? "guest" : `process ${pid}`)

/** Whose it is. */
export const ownerOf = ({ kind, pid, uid, user }: Port, tap: string | null): string => {
  if (kind === "tap") return tap ?? "tap"
  return `${user ?? (uid === null ? "" : `uid ${uid}`)}${pid === null ? "" : `, pid ${pid}`}`
}

export const placeOf = ({ open, port }: Pick<Denial, "open" | "port">): string =>
  port === null ? "A port since closed" : open ? `Port ${port}` : `Port ${port}, since closed`

/** `3s ago`, or that it was before. */
export const whenOf = ({ quietSeconds }: Pick<Denial, "quietSeconds">): string =>
  quietSeconds === null ? "before you looked" : quietSeconds < 2 ? "now" : `${age(quietSeconds)} ago`

export const perSecond = (frames: number): string => `${scaled(frames)}/s`

/** A word of a shell, sh(1): what is plain stays plain. */
const quoted = (word: string): string => /^[\w./:@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`

/** What captures a port, and shows it live. @param port undefined: all of them. */
export const captureLine = (socket: string, port: number | undefined): string =>
  `vknetd capture${port === undefined ? "" : ` --port ${port}`} -p ${quoted(socket)} -w - | wireshark -k -i -`

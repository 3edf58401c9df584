import type { Look } from "../../../services/LookSchema.ts"

/** How it stands with the switch. */
export type ReaderState = "connecting" | "live" | "lost" | "token"

/** Calls back with what the switch tells. */
export interface LookReader {
  /** Asks again, with another token. */
  readonly useToken: (token: string) => void
  /** Asks for something else; undefined if there is no answer. */
  readonly ask: (path: string) => Promise<unknown>
}

/** A connection that says nothing for so long is dead: four looks are due in that time. */
const silenceMs = 2000
const retryMs = 1000

/** Kept until the tab is closed, so that the page can be loaded again. */
const tokenKey = "vknetd-token"

/**
 * Reads looks for as long as the page is seen: `fetch` rather than `EventSource`, for that one cannot send a token.
 *
 * @param see called for each look. @param tell called when the state changes; `wrong` if a token was refused.
 */
export const readLooks = (
  see: (look: Look) => void,
  tell: (state: ReaderState, wrong: boolean) => void
): LookReader => {
  let token = takeToken()
  let ending: AbortController | undefined
  let timer: ReturnType<typeof setTimeout> | undefined

  const read = async (): Promise<void> => {
    clearTimeout(timer)
    ending?.abort()
    const own = new AbortController()
    ending = own
    let silence = setTimeout(() => own.abort(), silenceMs)
    try {
      const answer = await fetch("looks", { headers: headersWith(token), signal: own.signal })
      if (answer.status === 401) {
        const wrong = token !== ""
        token = ""
        sessionStorage.removeItem(tokenKey)
        return tell("token", wrong)
      }
      if (!answer.ok || answer.body === null) throw new Error(`status ${answer.status}`)
      for await (const look of events(answer.body)) {
        clearTimeout(silence)
        silence = setTimeout(() => own.abort(), silenceMs)
        tell("live", false)
        see(look)
      }
      throw new Error("ended")
    } catch {
      // Another reading has begun, or nobody looks.
      if (ending !== own) return
      tell("lost", false)
      timer = setTimeout(() => void read(), retryMs)
    } finally {
      clearTimeout(silence)
    }
  }

  const stop = (): void => {
    clearTimeout(timer)
    const last = ending
    ending = undefined
    last?.abort()
  }

  document.addEventListener("visibilitychange", () => document.hidden ? stop() : void read())
  void read()
  return {
    useToken: (given) => {
      token = given
      sessionStorage.setItem(tokenKey, given)
      void read()
    },
    ask: async (path) => {
      try {
        const answer = await fetch(path, { headers: headersWith(token), signal: AbortSignal.timeout(silenceMs) })
        return answer.ok ? await answer.json() as unknown : undefined
      } catch {
        return undefined
      }
    }
  }
}

const headersWith = (token: string): Record<string, string> =>
  token === "" ? {} : { authorization: `Bearer ${token}` }

/** From the address, `#token=...`, where it is then no longer seen; else what this tab was given before. */
const takeToken = (): string => {
  const given = new URLSearchParams(location.hash.slice(1)).get("token")
  if (given === null) return sessionStorage.getItem(tokenKey) ?? ""
  sessionStorage.setItem(tokenKey, given)
  history.replaceState(null, "", location.pathname)
  return given
}

/** Events of which each is one `data` line. */
async function* events(body: ReadableStream<Uint8Array>): AsyncGenerator<Look> {
  const decoder = new TextDecoder()
  const reader = body.getReader()
  let rest = ""
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    const parts = (rest + decoder.decode(value, { stream: true })).split("\n\n")
    rest = parts.pop()!
    // What came late is of no interest any more; each look says everything.
    const last = parts.at(-1)
    if (last !== undefined) yield JSON.parse(last.slice("data: ".length)) as Look
  }
}

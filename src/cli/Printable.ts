const charactersMax = 120

/**
 * A word of the user's as it can stand in a one-line message: control characters and the line and
 * paragraph separators are escaped, an empty word is shown as quotes, a long one is cut.
 */
export const printable = (word: string): string => {
  const escaped = word.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`
  )
  if (escaped === "") return "''"
  return escaped.length > charactersMax ? `${escaped.slice(0, charactersMax)}...` : escaped
}

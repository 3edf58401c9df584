/** Bytes on a line of the dump. */
const lineBytes = 16

/** Where the dump begins: behind the two addresses. */
const restStart = 12

/**
 * One frame as `vknetd -c` has always printed it, ending in a newline.
 *
 * First `destination <- source`, each as six two-digit hexadecimal bytes between colons; then the bytes
 * from the type on, sixteen a line, each line beginning with a tab and each byte with a space. Of a
 * frame that ends within the addresses the bytes that are missing are shown as `--`, where the original
 * printed what memory held.
 *
 * @param frame  the octets received, of any number; read only.
 */
export const formatFrame = (frame: Uint8Array): string => {
  let text = `${formatAddress(frame, 0)} <- ${formatAddress(frame, 6)}`
  for (let i = restStart; i < frame.length; i++) {
    if ((i - restStart) % lineBytes === 0) text += "\n\t"
    text += ` ${formatByte(frame[i])}`
  }
  return `${text}\n`
}

const formatAddress = (frame: Uint8Array, start: number): string =>
  Array.from({ length: 6 }, (_, i) => formatByte(frame[start + i])).join(":")

const formatByte = (byte: number | undefined): string =>
  byte === undefined ? "--" : byte.toString(16).padStart(2, "0")

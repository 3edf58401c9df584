/** A name off by more than that is probably another; a short one is sooner. */
const editsMax = 2
const shortCharactersMax = 4

/** The name that was probably meant, or undefined. */
export const nearestOf = (name: string, names: Iterable<string>): string | undefined => {
  let nearest: string | undefined
  let fewest = name.length > shortCharactersMax ? editsMax : 1
  for (const known of names) {
    const edits = editsBetween(name, known)
    if (edits > fewest || (edits === fewest && nearest !== undefined)) continue
    nearest = known
    fewest = edits
  }
  return nearest
}

/** Levenshtein's distance: characters to insert, remove or replace. */
const editsBetween = (a: string, b: string): number => {
  if (Math.abs(a.length - b.length) > editsMax) return editsMax + 1
  let above = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 0; i < a.length; i++) {
    const row = [i + 1]
    for (let j = 0; j < b.length; j++) {
      row.push(Math.min(above[j]! + Number(a[i] !== b[j]), above[j + 1]! + 1, row[j]! + 1))
    }
    above = row
  }
  return above[b.length]!
}

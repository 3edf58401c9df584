/** What to try, by errno symbol, where no more files can be opened. The same for whatever could not be opened. */
const remedies: Readonly<Record<string, string | undefined>> = {
  EMFILE: "raise the limit of open files: ulimit -n, or LimitNOFILE= in systemd's unit",
  ENFILE: "the whole system has too many open files; raise fs.file-max, on DragonFly kern.maxfiles, with sysctl"
}

/** In brackets, with a space before them; empty for any other symbol. */
export const remedyFor = (code: string): string => {
  const remedy = remedies[code]
  return remedy === undefined ? "" : ` (${remedy})`
}

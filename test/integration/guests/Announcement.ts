import { guestsMissing, privilegesMissing } from "./GuestPackages.ts"

/** Says in one line that tests with real guests do not run here, and what to do; nothing if all do. */
const announce = (): void => {
  const packages = guestsMissing()
  const privileges = privilegesMissing()
  if (packages.length > 0) {
    process.stderr.write(
      `tests with real guests do not run: missing ${packages.join(", ")} (npm run setup:guests)\n`
    )
  } else if (privileges.length > 0) {
    process.stderr.write(
      `tests with real guests on a tap do not run: they need ${privileges.join(" and ")}\n`
    )
  }
}

export default announce

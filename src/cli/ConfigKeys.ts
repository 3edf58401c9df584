import * as Schema from "effect/Schema"
import { defaults as policyDefaults, type PolicySettings } from "../domain/policy/PolicySettings.ts"
import type { Options } from "./Options.ts"
import type { RawOptions, Word } from "./RawOptions.ts"

/** What the parser of the command line calls what can stand in a file. */
export type Setting = Exclude<
  keyof RawOptions,
  "monitor" | "foreground" | "simulate" | "seed" | "readyFd" | "config" | "check"
>

/** One key of the settings file: an option of the command line, in the form that suits a file. */
export interface ConfigKey {
  readonly setting: Setting
  /** From what the file has to the word that the command line would have. */
  readonly form: Form
  /**
   * What a change does while the switch runs: it applies at once; if it allows less than the start did, since the
   * tables have the sizes of the start; or at the next start alone.
   */
  readonly applies: "at-once" | "if-less" | "at-start"
  /** What the options have of it. */
  readonly of: (options: Options) => unknown
  /** The fields of the policy that it sets. */
  readonly fields?: ReadonlyArray<keyof PolicySettings>
  /** Relative ones start from the file's own directory: a path, or a path if it has a slash. */
  readonly path?: "always" | "slashed"
}

/** A form that a value of TOML, whose integers are BigInts, can have. */
export interface Form {
  /** Its errors say what to give. */
  readonly schema: Schema.Schema.AnyNoContext
  /** The word for a value that fits; undefined is as if it were not there. */
  readonly word: (value: unknown) => Word
}

const form = <A>(schema: Schema.Schema<A>, word: (value: A) => Word): Form => ({
  schema,
  word: (value) => word(value as A)
})

/** What a value of another form is told; of what is wrong within it, its parts tell. */
const or = (message: string) => ({ message: () => message })

/** The same for what may be one of several. */
const orNone = (message: string) => ({ message: () => ({ message, override: true }) })

const string = Schema.String.annotations(or("it must be a string, in quotes"))
const integer = Schema.BigIntFromSelf.annotations(or("it must be a whole number"))

const toggle = form(Schema.Boolean.annotations(or("it must be true or false")), (on) => on)
const text = form(string, (text) => text)
const whole = form(integer, String)
const textOrWhole = form(
  Schema.Union(string, integer).annotations(orNone("it must be a string, in quotes, or a whole number")),
  String
)

/** None is as if it were not there. */
const many = <A>(element: Schema.Schema<A>, message: string, word: (element: A) => string, between: string): Form =>
  form(
    Schema.Array(element).annotations(or(message)),
    (elements) => elements.length === 0 ? undefined : elements.map(word).join(between)
  )

const list = many(string, "it must be an array of strings, as [\"88b5\"]", (text) => text, ",")

/** An address alone: what the command line puts between several would make more of one. */
const fact = string.pipe(Schema.filter((text) => !/[,;]/.test(text) || "it must be one address"))

const bindingFields = {
  uid: Schema.optionalWith(integer, { exact: true }),
  trunk: Schema.optionalWith(Schema.Literal(true).annotations(or("it must be true")), { exact: true }),
  mac: Schema.optionalWith(fact, { exact: true }),
  ip: Schema.optionalWith(fact, { exact: true })
}

const binding = Schema.Struct(bindingFields).pipe(
  Schema.filter(({ trunk, uid }) =>
    (trunk === undefined) !== (uid === undefined) || "it must have uid, or trunk = true"
  )
)

/** Names of what a binding has. */
export const bindingKeys: ReadonlyArray<string> = Object.keys(bindingFields)

const bindings = many(
  binding,
  "it must be tables: [[bind]] and below it uid or trunk, and mac or ip or both",
  ({ ip, mac, trunk, uid }) =>
    [
      trunk === undefined ? `uid:${uid}` : "trunk",
      ...(mac === undefined ? [] : [`mac=${mac}`]),
      ...(ip === undefined ? [] : [`ip=${ip}`])
    ].join(","),
  ";"
)

const atStart = (
  setting: Setting,
  form: Form,
  of: (options: Options) => unknown,
  path?: "always" | "slashed"
): ConfigKey => ({ setting, form, of, applies: "at-start", ...(path === undefined ? {} : { path }) })

/** A setting of the policy. */
const ofPolicy = (
  setting: Setting,
  form: Form,
  field: keyof PolicySettings,
  applies: ConfigKey["applies"] = "at-once",
  otherwise: unknown = undefined
): ConfigKey => ({
  setting,
  form,
  fields: [field],
  applies,
  of: ({ policy, secure }) => policy[field] ?? policyDefaults(secure)[field] ?? otherwise
})

/** Every key that there is: a long option's name, or for an option of one letter a name of its own. */
export const configKeys: ReadonlyMap<string, ConfigKey> = new Map<string, ConfigKey>([
  ["address", atStart("address", text, ({ prefix }) => prefix)],
  ["unsecure", atStart("unsecure", toggle, ({ secure }) => secure)],
  ["bridge", atStart("bridge", text, ({ bridgeName }) => bridgeName)],
  ["socket", atStart("socket", text, ({ socketPath }) => socketPath, "always")],
  ["trunk", atStart("trunk", text, ({ trunkPath }) => trunkPath, "always")],
  ["pid-file", atStart("pidFile", text, ({ pidFilePath }) => pidFilePath, "always")],
  ["tap", atStart("tap", text, ({ tapName }) => tapName, "slashed")],
  ["no-tap", atStart("noTap", toggle, ({ tapName }) => tapName === undefined)],
  ["no-offload", atStart("noOffload", toggle, ({ offload }) => !offload)],
  ["group", atStart("group", textOrWhole, ({ groupName }) => groupName)],
  ["mode", atStart("mode", text, ({ socketMode }) => socketMode)],
  ["max-clients", atStart("maxClients", whole, ({ guestPorts }) => guestPorts)],
  ["max-clients-per-uid", atStart("maxClientsPerUid", whole, ({ guestPortsPerUid }) => guestPortsPerUid)],
  ["mtu", atStart("mtu", whole, ({ mtuBytes }) => mtuBytes)],
  ["mac-age", {
    setting: "macAge",
    form: whole,
    applies: "at-once",
    of: ({ stationAgeSeconds }) => stationAgeSeconds
  }],
  ["isolate", ofPolicy("isolate", text, "isolate")],
  ["learn", ofPolicy("learn", text, "learn")],
  ["lock", ofPolicy("lock", toggle, "lock")],
  ["bind", {
    setting: "bind",
    form: bindings,
    fields: ["bindings", "trunkBindings"],
    applies: "at-once",
    of: ({ policy: { bindings = [], trunkBindings = [] } }) => [...bindings, ...trunkBindings]
  }],
  ["max-macs", ofPolicy("maxMacs", whole, "stationsPerGuest", "if-less")],
  ["max-ips", ofPolicy("maxIps", whole, "addressesPerGuest", "if-less")],
  ["hold", ofPolicy("hold", whole, "holdSeconds")],
  ["storm-rate", ofPolicy("stormRate", whole, "stormPerSecond")],
  ["arp-rate", ofPolicy("arpRate", whole, "arpPerSecond")],
  ["dhcp-server", ofPolicy("dhcpServer", text, "dhcpServer", "at-once", "tap")],
  ["allow-ethertype", ofPolicy("allowEtherType", list, "allowedEtherTypes", "at-once", [])],
  ["ipv6", ofPolicy("ipv6", text, "ipv6", "at-start")],
  ["metrics", atStart("metrics", textOrWhole, ({ metrics }) => metrics)],
  ["web", atStart("web", textOrWhole, ({ web }) => web?.address)],
  ["web-token", atStart("webToken", text, ({ web }) => web?.tokenPath, "always")],
  ["user", atStart("user", textOrWhole, ({ user }) => user)],
  ["keep-net-admin", atStart("keepNetAdmin", toggle, ({ keepNetAdmin }) => keepNetAdmin)],
  ["log-format", atStart("logFormat", text, ({ log }) => log.format)],
  ["log-file", atStart("logFile", text, ({ log }) => log.filePath, "always")],
  ["log-level", { setting: "logLevel", form: text, applies: "at-once", of: ({ log }) => log.level }]
])

/** The whole file. A key that is not there is as if the option were not given. */
export const ConfigSchema = Schema.Struct(
  Object.fromEntries([...configKeys].map(([name, { form }]) =>
    [name, Schema.optionalWith(form.schema, { exact: true })] as const
  ))
)

import { Reason } from "../../src/domain/Reason.ts"

/*
 * The stateful policy as the tables of rules S and B say it, slow and obvious: lists of facts in the order of their
 * last use, looked through from the beginning. Written without a look at the fast one.
 */

export interface ReferenceSettings {
  readonly ageSeconds: number
  readonly stationsMax: number
  readonly addressesMax: number
  readonly holdSeconds: number
  /** The user whose guests may give leases; none where it is left out. */
  readonly serverUid?: number
  readonly learn: "fcfs" | "dhcp" | "static"
  readonly lock: boolean
  readonly bindings: ReadonlyArray<{ uid: number; mac?: string; address?: string }>
  /** Of a trunk; and what belongs to trunks. */
  readonly trunkStationsMax: number
  readonly trunkAddressesMax: number
  readonly trunkBindings: ReadonlyArray<{ mac?: string; address?: string }>
}

const conflicts = {
  asked: Reason.PROBE_CONFLICT,
  arp: Reason.ARP_SPA_CONFLICT,
  ip: Reason.IP4_SRC_CONFLICT,
  ip6: Reason.IP6_SRC_CONFLICT,
  target: Reason.ND_TARGET_CONFLICT
}

/** Kinds of addresses, of which who has a bound one has no others. */
const kindOf = (value: string): string => {
  if (value.includes(".")) return "IPv4"
  if (/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(value)) return "MAC"
  return /^fe[89ab][0-9a-f]:/.test(value) ? "IPv6 of the link" : "other IPv6"
}

interface Station {
  readonly mac: string
  readonly port: number
  readonly seen: number
}

interface Claim {
  readonly address: string
  readonly port: number
  readonly kind: "probe" | "claim" | "lease" | "host"
  readonly seen: number
  readonly until: number
  /** Of a lease: who asked for it. */
  readonly mac: string
  /** Its port is finding out until then whether it is free; 0: it is not. */
  readonly probed: number
}

export interface Situation {
  readonly port: number
  readonly mac: string
  /** What the frame claims; undefined for a probe, and for what a trunk routes. */
  readonly address: string | undefined
  readonly protocol: "arp" | "ip" | "ip6"
  /** What a probe asks for: with no address. */
  readonly asked?: string | undefined
  /** What a neighbour advertisement answers for. */
  readonly target?: string | undefined
}

export class Reference {
  stations: ReadonlyArray<Station> = []
  claims: ReadonlyArray<Claim> = []
  held: ReadonlyArray<{ what: string; uid: number; until: number; leased: number }> = []
  names: ReadonlyArray<{ name: string; port: number; seen: number }> = []
  pending: ReadonlyArray<{ xid: number; mac: string; port: number; until: number }> = []
  now = 0
  readonly uids = new Map<number, number>()
  readonly trunks = new Set<number>()
  readonly settings: ReferenceSettings

  constructor(settings: ReferenceSettings) {
    this.settings = settings
  }

  /** The verdict on a guest's frame that no other rule denies; what it changes is changed. */
  guest({ address, asked, mac, port, protocol, target }: Situation): number {
    const uid = this.userOf(port)
    // Bindings, S1, B5, S2, S3.
    if (this.isBoundAway("mac", mac, uid)) return Reason.STATIC_MISMATCH
    const station = this.stations.find((s) => s.mac === mac)
    if (station !== undefined && station.port !== port && this.isKept(station)) return Reason.SRC_MAC_CONFLICT
    if (station === undefined && this.isHeldFromMe(mac, port)) return Reason.SRC_MAC_CONFLICT
    const newStation = station === undefined || station.port !== port
    if (newStation && !this.hasStationRoom(port)) return Reason.MAC_LIMIT
    // A9, I14, B2.
    if (address !== undefined) {
      const denied = this.claimVerdict(address, port, protocol)
      if (denied !== Reason.PASS) return denied
    }
    // B8.
    if (asked !== undefined) {
      const denied = this.askVerdict(asked, port)
      if (denied !== Reason.PASS) return denied
    }
    // V9, and B2 again.
    const answered = target === address ? undefined : target
    const isAnswersOwn = this.claims.some((c) => c.address === answered && c.port === port)
    if (answered !== undefined) {
      const denied = this.claimVerdict(answered, port, "target", address)
      if (denied !== Reason.PASS) return denied
    }
    if (address !== undefined && isAnswersOwn) {
      const denied = this.claimVerdict(address, port, protocol, answered)
      if (denied !== Reason.PASS) return denied
    }
    // From here on it is accepted.
    this.ownStation(mac, port, this.stationCap(port))
    const claimed = isAnswersOwn ? [answered, address] : [address, answered]
    for (const one of claimed) {
      if (one === undefined) continue
      const until = this.leasedUntil(one, port)
      this.ownClaim(one, port, until > 0 ? "lease" : "claim", until, this.addressCap(port))
    }
    if (asked !== undefined) this.ask(asked, port)
    return Reason.PASS
  }

  /** S4, and B3 when it is ARP, or neighbour discovery, of somebody else than the host. */
  tap(mac: string, arpSender: string | undefined): void {
    const { bindings, trunkBindings } = this.settings
    if (![...bindings, ...trunkBindings].some((b) => b.mac === mac)) this.ownStation(mac, 0, Infinity)
    const isBound = [...bindings, ...trunkBindings].some((b) => b.address === arpSender)
    if (arpSender !== undefined && !isBound) this.ownClaim(arpSender, 0, "host", 0, Infinity)
  }

  /** S4, and B1 when it comes from an address that a host behind the tap has spoken for. */
  tapSends(mac: string, address: string): void {
    this.tap(mac, undefined)
    if (this.claims.some((c) => c.address === address && c.kind === "host")) {
      this.ownClaim(address, 0, "host", 0, Infinity)
    }
  }

  /** B7: a message by a client identifier that is a name, then all that a frame is judged by. */
  asksAs({ mac, name, port, xid }: { mac: string; name: string; port: number; xid: number }): number {
    const named = this.names.find((n) => n.name === name)
    const own = this.names.filter((n) => n.port === port)
    if (named !== undefined ? named.port !== port : this.isHeldFromMe(`name ${name}`, port)) {
      return Reason.DHCP_CLIENT_CONFLICT
    }
    const { addressesMax, ageSeconds, trunkAddressesMax } = this.settings
    const isFull = own.length >= (this.trunks.has(port) ? trunkAddressesMax : addressesMax)
    if (named === undefined && isFull && this.now - own[0]!.seen <= ageSeconds) return Reason.IP_LIMIT
    const verdict = this.guest({ port, mac, address: undefined, protocol: "ip" })
    if (verdict !== Reason.PASS) return verdict
    const goes = named === undefined && isFull ? own[0] : named
    if (named === undefined) this.held = this.held.filter((h) => h.what !== `name ${name}`)
    if (named?.seen !== this.now) {
      this.names = [...this.names.filter((n) => n !== goes), { name, port, seen: this.now }]
    }
    this.dhcpAsks(xid, mac, port)
    return Reason.PASS
  }

  dhcpAsks(xid: number, mac: string, port: number): void {
    this.pending = this.pending.filter((p) => !(p.xid === xid && p.mac === mac && p.port === port))
    const own = this.pending.filter((p) => p.port === port)
    if (own.length >= (this.trunks.has(port) ? 64 : 8)) this.pending = this.pending.filter((p) => p !== own[0])
    this.pending = [...this.pending, { xid, mac, port, until: this.now + 60 }]
  }

  /** @param server the port that it came from. */
  dhcpAcks(xid: number, mac: string, address: string, seconds: number, server = 0): void {
    if (server !== 0 && this.uids.get(server) !== this.settings.serverUid) return
    const asked = this.pending.find((p) => p.xid === xid && p.mac === mac && this.now < p.until)
    if (asked === undefined) return
    this.pending = this.pending.filter((p) => p !== asked)
    if (this.isBoundAway("address", address, this.userOf(asked.port))) return
    const there = this.claims.find((c) => c.address === address)
    if (there?.kind === "host" && this.isLive(there)) return
    if (server !== 0) {
      if (there !== undefined && there.port !== asked.port && this.isTaken(there)) return
      if (there === undefined && this.isHeldFromMe(address, asked.port)) return
    }
    if (this.isLocked(asked.port)) this.claims = this.claims.filter((c) => c.port !== asked.port)
    const { addressesMax, trunkAddressesMax } = this.settings
    const cap = this.trunks.has(asked.port) ? trunkAddressesMax : addressesMax
    this.ownClaim(address, asked.port, "lease", this.now + seconds, cap, mac)
    this.beginProbing(address)
  }

  /** A request from the address that is leased: where it is forgotten, and leases alone count, it claims nothing. */
  renews({ from, mac, port, xid }: { from: string; mac: string; port: number; xid: number }): number {
    const isUsed = this.claims.some((c) => c.address === from && c.kind !== "probe")
    const isForgotten = this.settings.learn === "dhcp" && !isUsed &&
      !this.isHeldFromMe(from, port) && this.leasedUntil(from, port) === 0 && !this.isBoundTo(from, port)
    const verdict = this.guest({ port, mac, address: isForgotten ? undefined : from, protocol: "ip" })
    if (verdict === Reason.PASS) this.dhcpAsks(xid, mac, port)
    return verdict
  }

  /** RELEASE, from the address, or DECLINE, from nobody's: B7, then all that a frame is judged by, then B4. */
  givesBack(of: { from?: string | undefined; given: string; mac: string; port: number }): number {
    const { from, given, mac, port } = of
    const isOwn = this.claims.some((c) => c.address === given && c.port === port && c.kind !== "probe")
    if (!isOwn && given !== from) return Reason.DHCP_CLIENT_CONFLICT
    const verdict = this.guest({ port, mac, address: from, protocol: "ip" })
    if (verdict === Reason.PASS && !this.isLocked(port)) {
      this.claims = this.claims.filter((c) => !(c.address === given && c.port === port))
    }
    return verdict
  }

  close(port: number): void {
    const uid = this.uids.get(port)!
    const until = this.now + this.settings.holdSeconds
    const kept = [
      ...this.stations.filter((s) => s.port === port && this.isFresh(s)).map((s) => s.mac),
      ...this.claims.filter((c) => c.port === port && c.kind !== "probe" && this.isLive(c)).map((c) => c.address),
      ...this.names.filter((n) => n.port === port).map((n) => `name ${n.name}`)
    ]
    if (this.settings.holdSeconds > 0 && !this.trunks.has(port)) {
      this.held = [
        ...this.held.filter((h) => !kept.includes(h.what)),
        ...kept.map((what) => {
          const lease = this.claims.find((c) => c.address === what && c.kind === "lease")
          return { what, uid, until, leased: lease?.until ?? 0 }
        })
      ]
    }
    this.stations = this.stations.filter((s) => s.port !== port)
    this.claims = this.claims.filter((c) => c.port !== port)
    this.names = this.names.filter((n) => n.port !== port)
    this.pending = this.pending.filter((p) => p.port !== port)
  }

  /** Behind a trunk are many users: it is none's. */
  private userOf(port: number): number | "trunk" {
    return this.trunks.has(port) ? "trunk" : this.uids.get(port)!
  }

  private isLocked(port: number): boolean {
    return this.settings.lock && !this.trunks.has(port)
  }

  private stationCap(port: number) {
    if (this.trunks.has(port)) return this.settings.trunkStationsMax
    return this.isLocked(port) ? 1 : this.settings.stationsMax
  }

  private addressCap(port: number) {
    if (this.trunks.has(port)) return this.settings.trunkAddressesMax
    return this.isLocked(port) ? 1 : this.settings.addressesMax
  }

  /** B8: as a use would be judged, but a question reaches who uses the address. */
  private askVerdict(address: string, port: number): number {
    const claim = this.claims.find((c) => c.address === address)
    if (claim?.port === port) {
      if (claim.kind !== "probe" && !this.isEndedLease(claim)) return Reason.PASS
      if (claim.kind === "probe" && this.now <= claim.probed) return Reason.PASS
      if (claim.kind === "probe" && this.now <= claim.probed + 60) return Reason.PROBE_CONFLICT
    } else if (claim !== undefined) {
      if (this.now <= claim.probed) return Reason.PROBE_CONFLICT
      if (claim.kind !== "probe") return Reason.PASS
    }
    return this.claimVerdict(address, port, "asked")
  }

  private ask(address: string, port: number): void {
    const claim = this.claims.find((c) => c.address === address)
    if (claim !== undefined && claim.port !== port && claim.kind !== "probe") return
    if (claim?.port === port && claim.kind === "probe" && this.now <= claim.probed) return
    if (claim?.port !== port || claim.kind === "probe" || this.isEndedLease(claim)) {
      const until = this.leasedUntil(address, port)
      this.ownClaim(address, port, until > 0 ? "lease" : "probe", until, this.addressCap(port))
    }
    this.beginProbing(address)
  }

  private beginProbing(address: string): void {
    this.claims = this.claims.map((c) => c.address === address ? { ...c, probed: this.now + 8 } : c)
  }

  /** May make room: for a question no other question that is less than its pause old. */
  private isSpare(claim: Claim, isForQuestion: boolean): boolean {
    if (claim.kind === "probe") return !isForQuestion || this.now > claim.probed + 60
    return !this.isLive(claim) && !(claim.port !== 0 && this.isLocked(claim.port))
  }

  /** @param first an address that the same frame claims before this one. */
  private claimVerdict(address: string, port: number, protocol: keyof typeof conflicts, first?: string): number {
    const uid = this.userOf(port)
    if (this.isBoundAway("address", address, uid)) return Reason.STATIC_MISMATCH
    const conflict = conflicts[protocol]
    const claim = this.claims.find((c) => c.address === address)
    const isOwn = claim?.port === port
    if (isOwn && claim.kind !== "probe" && !this.isEndedLease(claim)) return Reason.PASS
    if (claim !== undefined && !isOwn && this.isTaken(claim)) return conflict
    if (claim === undefined && this.isHeldFromMe(address, port)) return conflict
    const { bindings, trunkBindings } = this.settings
    if (bindings.some((b) => b.uid === uid && b.address === address)) return Reason.PASS
    if (uid === "trunk" && trunkBindings.some((b) => b.address === address)) return Reason.PASS
    if (this.settings.learn === "static") return Reason.STATIC_MISMATCH
    const isLeased = claim === undefined && this.leasedUntil(address, port) > 0
    if (this.settings.learn === "dhcp" && !isLeased) return Reason.IP_LIMIT
    if (isOwn) return Reason.PASS
    // What is claimed first is the latest by then, and what is dead of the others may go for it.
    const own = this.claims.filter((c) => c.port === port && c.address !== first)
    const surplus = own.length + (first === undefined ? 1 : 2) - this.addressCap(port)
    const dispensable = own.filter((c) => this.isSpare(c, protocol === "asked")).length
    return surplus <= dispensable ? Reason.PASS : Reason.IP_LIMIT
  }

  /** Bound, to whomever; or the user is, to others. */
  private isBoundTo(address: string, port: number): boolean {
    const { bindings, trunkBindings } = this.settings
    return this.isBoundAway("address", address, this.userOf(port)) ||
      [...bindings, ...trunkBindings].some((b) => b.address === address)
  }

  private isBoundAway(what: "mac" | "address", value: string, uid: number | "trunk"): boolean {
    const isOfTrunks = this.settings.trunkBindings.some((b) => b[what] === value)
    if (isOfTrunks) return uid !== "trunk"
    const bound = this.settings.bindings.filter((b) => b[what] !== undefined)
    if (bound.some((b) => b[what] === value && b.uid === uid)) return false
    return bound.some((b) => b[what] === value || (b.uid === uid && kindOf(b[what]!) === kindOf(value)))
  }

  private isFresh = (station: Station) => this.now - station.seen <= this.settings.ageSeconds

  private isLive = (claim: Claim) =>
    claim.kind === "probe" ? this.now <= claim.probed
      : claim.kind === "lease" ? this.now < claim.until && this.now - claim.seen <= 7 * 86_400
      : this.now - claim.seen <= this.settings.ageSeconds

  /** Of an open port: in use, the only one of a locked one, or what a lease was given to. */
  private isKept({ mac, port, ...rest }: Station): boolean {
    const has = this.claims.some((c) => c.port === port && c.kind === "lease" && c.mac === mac && this.isLive(c))
    return this.isFresh({ mac, port, ...rest }) || has || (port !== 0 && this.isLocked(port))
  }

  private isTaken = (claim: Claim) =>
    claim.kind !== "probe" && (this.isLive(claim) || (claim.port !== 0 && this.isLocked(claim.port)))

  private isEndedLease = (claim: Claim) => claim.kind === "lease" && !this.isLive(claim)

  private isHeldFromMe(what: string, port: number): boolean {
    const uid = this.userOf(port)
    return uid !== "trunk" && this.held.some((h) => h.what === what && h.uid !== uid && this.now < h.until)
  }

  /** 0 where an address is not kept for the port's user with a lease that goes on. */
  private leasedUntil(address: string, port: number): number {
    const uid = this.userOf(port)
    const kept = this.held.find((h) => h.what === address && h.uid === uid && this.now < h.until)
    return kept !== undefined && this.now < kept.leased ? kept.leased : 0
  }

  private hasStationRoom(port: number): boolean {
    const own = this.stations.filter((s) => s.port === port)
    return own.length < this.stationCap(port) || (!this.isLocked(port) && !this.isFresh(own[0]!))
  }

  private ownStation(mac: string, port: number, cap: number): void {
    const known = this.stations.find((s) => s.mac === mac)
    if (known?.port === port && known.seen === this.now) return
    if (known?.port !== port) {
      const own = this.stations.filter((s) => s.port === port)
      if (own.length >= cap) this.stations = this.stations.filter((s) => s !== own[0])
    }
    if (known === undefined) this.held = this.held.filter((h) => h.what !== mac)
    this.stations = [...this.stations.filter((s) => s.mac !== mac), { mac, port, seen: this.now }]
  }

  private ownClaim(address: string, port: number, kind: Claim["kind"], until: number, cap: number, mac = ""): void {
    const known = this.claims.find((c) => c.address === address)
    if (known?.port !== port) {
      const own = this.claims.filter((c) => c.port === port)
      const goes = own.find((c) => this.isSpare(c, kind === "probe")) ?? own[0]
      if (own.length >= cap) this.claims = this.claims.filter((c) => c !== goes)
    }
    if (known === undefined) this.held = this.held.filter((h) => h.what !== address)
    const stays = known?.port === port && kind === "claim" && known.kind !== "probe" && !this.isEndedLease(known)
    const fact: Claim = {
      address,
      port,
      kind: stays ? known.kind : kind,
      until: stays ? known.until : until,
      mac: stays ? known.mac : mac,
      probed: 0,
      seen: this.now
    }
    const inPlace = known?.port === port && known.seen === this.now
    this.claims = inPlace
      ? this.claims.map((c) => c === known ? fact : c)
      : [...this.claims.filter((c) => c.address !== address), fact]
  }
}

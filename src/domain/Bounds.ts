/**
 * How much the switch holds, does and waits for: what it has unless told, and the most that can be asked for, by
 * option, file or question. Each number once, and why it is that number. What bounds one place alone, as the form of a
 * value or what the addon does by itself, stands there.
 *
 * Reaching a bound is never an error in the data plane: it is a drop under a
 * reason, or a refusal that is counted. `ARCHITECTURE.md` prints this table and a
 * test holds the two equal; each bound has a test at its edge.
 */
export const Bounds = {
  /** Frames one crossing receives. With 64, guests that have 64 on their way wait for all of them (decision 24). */
  batchFrames: 32,
  /** Guest ports, unless `--max-clients` says less or more; `listen(2)` backlog is as large. */
  guestPortsDefault: 1024,
  /** Guest ports that `--max-clients` may ask for: the port index is 16 bits, one is the tap's. */
  guestPortsMax: 16_384,
  /** Guest ports of one uid, unless `--max-clients-per-uid` says otherwise: a quarter of all. */
  guestPortsPerUidDefault: 256,
  /** Ports of trunks among them: each may be another switch, well filled. */
  trunkPorts: 64,
  /** Connections waiting to be accepted, as the original asks of listen(2). */
  backlog: 1024,
  /** Stations behind one guest's port in secure mode: a guest with a nested bridge of 15. */
  stationsPerGuestSecure: 16,
  /** Stations behind one guest's port with `-U`, where a guest may be a switch of many itself. */
  stationsPerGuestBridge: 1024,
  /** Stations behind one guest's port that can be asked for. */
  stationsPerGuestMax: 4096,
  /** Stations behind one trunk: all that another switch may have. */
  stationsPerTrunk: 4096,
  /** Stations behind the tap: a LAN, when it is in a bridge. */
  stationsOfTap: 4096,
  /**
   * Stations over all guests' ports at most, and IP addresses: 16 MB. Secure mode refuses to promise more to so many
   * guests, or some could leave others none.
   */
  stationsOfGuestsMax: 262_144,
  /** IP addresses of one guest's port. */
  addressesPerGuest: 16,
  /** IP addresses of one guest's port that can be asked for. */
  addressesPerGuestMax: 1024,
  /** IP addresses of one trunk: the other switch's guests. */
  addressesPerTrunk: 1024,
  /** IP addresses of hosts behind the tap that are remembered. */
  addressesOfTap: 4096,
  /** A lease whose address has not been used for so long is over: a week. */
  leaseSilentSecondsMax: 604_800,
  /**
   * For how long who first asks for a free address has it without using it: RFC 5227, 1.1, PROBE_NUM times PROBE_MAX
   * and ANNOUNCE_WAIT, 3 x 2 + 2; RFC 4862's DAD takes MAX_RTR_SOLICITATION_DELAY and RETRANS_TIMER, 1 + 1.
   */
  probeSeconds: 8,
  /** After that, how long the same port cannot ask for it again: RFC 5227, 1.1, RATE_LIMIT_INTERVAL. */
  probePauseSeconds: 60,
  /** For how long what a closed port owned is kept for the same user: a guest's restart. */
  identityHoldSeconds: 10,
  /** The same, that can be asked for: an hour. */
  holdSecondsMax: 3600,
  /** Addresses kept for who had them. */
  heldIdentities: 1024,
  /** DHCP requests of one guest that wait for an answer, of one trunk, and of all. */
  pendingDhcpPerGuest: 8,
  pendingDhcpPerTrunk: 64,
  pendingDhcp: 1024,
  pendingDhcpSeconds: 60,
  /** New stations and addresses of one guest a second; twice as many at once. */
  learnPerSecond: 32,
  /** ARP frames of one guest a second, and answers to all; twice as many at once. */
  arpPerSecond: 100,
  /**
   * Questions for the host's address that one guest may send beyond its rates a second, twice as many at once: what
   * others make it ask does not cut it off from the host. Kernels ask once a second.
   */
  hostAsksPerSecond: 10,
  /** Frames of one guest to all a second, in secure mode and with `-U`; twice as many at once. */
  stormPerSecondSecure: 1000,
  stormPerSecondBridge: 10_000,
  /** Such frames a second that can be asked for, ARP or any: more than a port moves. */
  ratePerSecondMax: 10_000_000,
  /** Seconds after which a station that sent nothing is forgotten: IEEE 802.1Q, 8.8.3. */
  stationAgeSeconds: 300,
  /** The same, that can be asked for: a week. */
  stationAgeSecondsMax: 604_800,
  /** Smallest frame: two addresses and a type. */
  frameBytesMin: 14,
  /** Octets of payload unless `--mtu` or the tap says more. */
  mtuBytesDefault: 1500,
  /** Header and one VLAN tag on top of the MTU. */
  frameOverheadBytes: 18,
  /** Largest frame that `--mtu` may ask for: tap(4)'s TAPMRU. */
  frameBytesMax: 16_384,
  /** Frames kept for one full port, hoping that it drains, even if there are few slots: four batches. */
  backlogFramesPerPort: 256,
  /** Frames kept over all ports: 6.5 MB at the usual MTU, of which only what was used is resident. */
  backlogFrames: 4096,
  /** How long a full port may stall, and those who send to it with it; TCP needs a few milliseconds. */
  stallMs: 10,
  /** How often a full port is tried again meanwhile: it tells by itself only when three quarters have been read. */
  stallRetryMs: 2,
  /**
   * Frames kept for a full port, also when it has stalled that long, while more slots than that and a quarter of all
   * are free. With its socket's room a TCP connection's largest window: 6 MiB of tcp_rmem, tcp(7).
   */
  keptFramesPerPort: 1536,
  /** After a port has stalled that long, for how long it may not again. */
  stallPauseMs: 1000,
  /** How long a port that sends to several may wait for full ones at once, and in each period: a twentieth. */
  waitMs: 50,
  waitPeriodMs: 1000,
  /** Socket buffer of each accepted connection: 900 full-size frames on Linux, 200 on DragonFly. */
  sendBufferBytes: 1_048_576,
  /** What the forwarding loop may have told and nobody has dealt with; beyond that it lets nobody in: some 30 ms. */
  noticesUnheard: 1024,
  /** Events one crossing reports; more wait in the kernel. */
  exchangeEvents: 256,
  /** At most one line of the log a port and reason in so many seconds. */
  denialLogSeconds: 10,
  /** Moves of stations that are remembered: two screens. */
  moves: 64,
  /** Connections to the control socket at once: a dozen people who look, and a few programs. */
  controlConnections: 32,
  /** Of these for one user that is neither root nor the switch's own. */
  controlConnectionsPerUid: 8,
  /** Octets of a request to the control socket, beside its header. */
  controlRequestBytes: 4096,
  /** How long an answer of the forwarding thread is waited for before the rest is told without it. */
  controlAnswerMs: 250,
  /** Octets of a settings file: two thousand bindings. */
  configBytes: 131_072,
  /** Questions to the forwarding thread that may lie unanswered. */
  controlQuestions: 16,
  /** Stations that the forwarding thread tells of before it forwards again: 0.3 ms at first, 0.02 ms later. */
  stationsPerSlice: 1024,
  /** How long guests wait, at most, for a new process that does not get ready to take over. */
  takeoverMs: 2000,
  /** People who look at the page at once; each costs its text twice a second. */
  webViewers: 16,
  /** Ports that the page shows, the busiest: a thousand could not be read. */
  webPorts: 256,
  /** Stations that the page shows of those that were looked for. */
  webStations: 256,
  /** Denials that the page remembers, by port and reason: three screens. */
  webDenials: 64,
  /** Captures at once: a few people who look. */
  captures: 8,
  /** Of these for one user that is neither root nor the switch's own: both ends of a conversation. */
  capturesPerUid: 2,
  /** Octets of captured frames on their way to the main thread: what full-size frames at 10 Gbit/s fill in 3 ms. */
  captureRingBytes: 4_194_304,
  /** Octets that wait for one who captures: a second of 30 Mbit/s. */
  captureQueueBytes: 4_194_304,
  /** How long captured frames may lie before they are looked at, so that each look is worth its while. */
  captureDrainMs: 5,
  /** Octets that a capture keeps of a frame, unless told fewer, and that a frame of a file may have: as tcpdump(8). */
  captureSnapBytesMax: 262_144,
  /** Characters of a capture's filter. */
  captureFilterChars: 1024
} as const

/** Index of the tap's port. Guests are 1 and up. */
export const TAP_PORT = 0

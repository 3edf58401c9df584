/** Edges of the rules on ARP, from honest packets with one field wrong. */
import { BROADCAST, address, mac, padded, patched } from "./frames.ts"
import type { Edge } from "./policyEdge.ts"
import * as world from "./policyWorld.ts"

const { arpFrame, groupMac, guest, guestMac, host, nobody, otherMac, settings, tapMac } = world

const request = arpFrame({})
const reply = arpFrame({ op: 2, to: otherMac, targetMac: otherMac })
const from = (text: string): Uint8Array => arpFrame({ sender: address(text) })
const eachOctet = (frame: Uint8Array, start: number): Record<string, Uint8Array> =>
  Object.fromEntries(
    [0, 1, 2, 3, 4, 5].map((octet) => {
      const at = start + octet
      return [`octet ${at} differs`, patched(frame, at, frame[at]! ^ 0x02)]
    })
  )

export const arpEdges: ReadonlyArray<Edge> = [
  {
    rule: "A1",
    passes: { "42 octets": request, "60 octets": padded(request, 60), "1,514 octets": padded(request, 1514) },
    denies: {
      "41 octets": request.slice(0, 41),
      "no packet": request.slice(0, 14),
      "hardware 0": patched(request, 15, 0),
      "hardware 6": patched(request, 15, 6),
      "hardware 257": patched(request, 14, 1),
      "protocol 0801": patched(request, 17, 1),
      "protocol 86dd": patched(request, 16, 0x86, 0xdd),
      "hardware length 0": patched(request, 18, 0),
      "hardware length 5": patched(request, 18, 5),
      "hardware length 7": patched(request, 18, 7),
      "protocol length 3": patched(request, 19, 3),
      "protocol length 5": patched(request, 19, 5),
      "protocol length 16": patched(request, 19, 16)
    }
  },
  {
    rule: "A2",
    passes: { "request": request, "reply": reply },
    denies: Object.fromEntries(
      [0, 3, 4, 8, 9, 0x0101, 0x0102, 0x0201, 0xffff].map((op) => [`op ${op}`, arpFrame({ op })])
    )
  },
  {
    rule: "A3",
    passes: { "broadcast": request, "one": arpFrame({ to: otherMac }) },
    denies: {
      "multicast": arpFrame({ to: groupMac }),
      "nearly broadcast, first octet": arpFrame({ to: mac("fd:ff:ff:ff:ff:ff") }),
      "nearly broadcast, third octet": arpFrame({ to: mac("ff:ff:fe:ff:ff:ff") }),
      "nearly broadcast, last octet": arpFrame({ to: mac("ff:ff:ff:ff:ff:fe") })
    }
  },
  {
    rule: "A4",
    passes: { "its own": request },
    denies: {
      ...eachOctet(request, 22),
      "the tap's": arpFrame({ senderMac: tapMac }),
      "broadcast": arpFrame({ senderMac: BROADCAST }),
      "zero": arpFrame({ senderMac: new Uint8Array(6) }),
      "the source differs": patched(request, 11, guestMac[5]! ^ 1)
    }
  },
  {
    rule: "A5",
    passes: {
      "probe": arpFrame({ sender: nobody }),
      "probe for the host": arpFrame({ sender: nobody, target: host }),
      "probe to one": arpFrame({ sender: nobody, to: otherMac })
    },
    denies: {
      "reply to all": arpFrame({ op: 2, sender: nobody }),
      "reply to one": arpFrame({ op: 2, sender: nobody, to: otherMac, targetMac: otherMac })
    }
  },
  {
    rule: "A6",
    passes: { "the next address": from("10.1.0.2"), "asks for the host": arpFrame({ target: host }) },
    denies: {
      "request": arpFrame({ sender: host }),
      "announcement": arpFrame({ sender: host, target: host }),
      "reply to all": arpFrame({ op: 2, sender: host, target: host }),
      "reply to one": arpFrame({ op: 2, sender: host, to: otherMac, targetMac: otherMac }),
      "request to one": arpFrame({ sender: host, to: otherMac })
    }
  },
  {
    rule: "A7",
    passes: {
      "first": from("10.1.0.2"),
      "last": from("10.1.0.254"),
      "target outside": arpFrame({ target: world.remote })
    },
    denies: {
      "network": from("10.1.0.0"),
      "broadcast": from("10.1.0.255"),
      "below": from("10.0.255.255"),
      "above": from("10.1.1.0"),
      "loopback": from("127.0.0.1"),
      "multicast": from("224.0.0.1"),
      "everybody": from("255.255.255.255"),
      "0.0.0.1": from("0.0.0.1"),
      "reply": arpFrame({ op: 2, sender: world.remote })
    }
  },
  {
    rule: "A7",
    settings: settings(30),
    passes: { "inside": from("10.1.0.2") },
    denies: { "network": from("10.1.0.0"), "broadcast": from("10.1.0.3"), "above": from("10.1.0.4") }
  },
  {
    rule: "A7",
    settings: settings(31),
    passes: { "the other of two": from("10.1.0.0") },
    denies: { "above": from("10.1.0.2"), "below": from("10.0.255.255") }
  },
  {
    rule: "A7",
    settings: settings(32),
    passes: { "a probe": arpFrame({ sender: nobody }) },
    denies: { "above": from("10.1.0.2"), "below": from("10.1.0.0") }
  },
  {
    rule: "A7",
    settings: settings(0),
    passes: Object.fromEntries(
      ["1.0.0.0", "126.255.255.255", "128.0.0.0", "223.255.255.255"].map((sender) => [sender, from(sender)])
    ),
    denies: Object.fromEntries(
      ["0.0.0.1", "0.255.255.255", "127.0.0.1", "127.255.255.255", "224.0.0.0", "255.255.255.254", "255.255.255.255"]
        .map((sender) => [sender, from(sender)])
    )
  },
  {
    rule: "A7",
    settings: settings(24, { hostAddress: address("200.1.0.1") }),
    passes: { "high addresses": from("200.1.0.2") },
    denies: { "low half": from("72.1.0.2"), "network": from("200.1.0.0"), "broadcast": from("200.1.0.255") }
  },
  {
    rule: "A7",
    settings: world.noPrefix,
    passes: { "a probe": arpFrame({ sender: nobody }) },
    denies: { "anyone": from("10.1.0.2"), "0.0.0.1": from("0.0.0.1"), "everybody": from("255.255.255.255") }
  },
  {
    rule: "A8",
    passes: {
      "reply": reply,
      "reply to all, any target": arpFrame({ op: 2, targetMac: tapMac }),
      "request to one, any target": arpFrame({ to: otherMac, targetMac: tapMac })
    },
    denies: {
      ...eachOctet(reply, 32),
      "zero": arpFrame({ op: 2, to: otherMac, target: guest }),
      "broadcast": arpFrame({ op: 2, to: otherMac, targetMac: BROADCAST })
    }
  }
]

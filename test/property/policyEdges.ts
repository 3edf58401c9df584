/** Edges of all rules that need no memory. */
import type { Edge } from "./policyEdge.ts"
import { arpEdges } from "./policyEdgesArp.ts"
import { dhcpEdges } from "./policyEdgesDhcp.ts"
import { ipv4Edges } from "./policyEdgesIpv4.ts"
import { ipv6Edges } from "./policyEdgesIpv6.ts"
import { linkEdges } from "./policyEdgesLink.ts"
import { routedEdges } from "./policyEdgesRouted.ts"

export const edges: ReadonlyArray<Edge> = [
  ...linkEdges,
  ...arpEdges,
  ...ipv4Edges,
  ...dhcpEdges,
  ...ipv6Edges,
  ...routedEdges
]

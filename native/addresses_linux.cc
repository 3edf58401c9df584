// Addresses of Linux's interfaces below the seam, over rtnetlink(7).
//
// What is asked of one interface alone, by netlink and not by /proc/sys, can be asked where a service manager has made
// that read-only.

#include "kernel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/ip.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

namespace vknetd {

namespace {

struct AddressRequest {
  struct nlmsghdr header;
  struct ifaddrmsg message;
  uint8_t attributes[64];
};

void attribute_add(AddressRequest* request, unsigned short type, const void* value, size_t size) {
  struct rtattr* attribute = reinterpret_cast<struct rtattr*>(
      reinterpret_cast<uint8_t*>(request) + NLMSG_ALIGN(request->header.nlmsg_len));
  attribute->rta_type = type;
  attribute->rta_len = static_cast<unsigned short>(RTA_LENGTH(size));
  memcpy(RTA_DATA(attribute), value, size);
  request->header.nlmsg_len =
      static_cast<uint32_t>(NLMSG_ALIGN(request->header.nlmsg_len) + RTA_SPACE(size));
}

// Sends one request to rtnetlink(7) and returns what it was answered.
int netlink_ask(const struct nlmsghdr* request) {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) return -errno;
  int error = send(fd, request, request->nlmsg_len, 0) < 0 ? -errno : 0;
  alignas(struct nlmsghdr) char answer[1024];
  if (error == 0) {
    const ssize_t size = recv(fd, answer, sizeof(answer), 0);
    const struct nlmsghdr* header = reinterpret_cast<const struct nlmsghdr*>(answer);
    if (size < 0) {
      error = -errno;
    } else if (size < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(struct nlmsgerr))) ||
               header->nlmsg_type != NLMSG_ERROR) {
      error = -EPROTO;
    } else {
      error = static_cast<const struct nlmsgerr*>(NLMSG_DATA(header))->error;
    }
  }
  close(fd);
  return error;
}

// Begins to add or remove (`type`) an address.
int address_begin(AddressRequest* request, unsigned short type, const char* name, uint8_t family,
                  int bits) {
  memset(request, 0, sizeof(*request));
  request->header.nlmsg_len = NLMSG_LENGTH(sizeof(request->message));
  request->header.nlmsg_type = type;
  request->header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  if (type == RTM_NEWADDR) request->header.nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
  request->message.ifa_family = family;
  request->message.ifa_prefixlen = static_cast<uint8_t>(bits);
  request->message.ifa_index = if_nametoindex(name);
  return request->message.ifa_index == 0 ? -errno : 0;
}

int address_change(unsigned short type, const char* name, uint32_t address, uint32_t mask) {
  AddressRequest request;
  const int error = address_begin(&request, type, name, AF_INET, __builtin_popcount(mask));
  if (error < 0) return error;
  const uint32_t octets = htonl(address);
  const uint32_t broadcast = htonl(address | ~mask);
  attribute_add(&request, IFA_LOCAL, &octets, sizeof(octets));
  attribute_add(&request, IFA_ADDRESS, &octets, sizeof(octets));
  // A network of one or two addresses has no broadcast address (RFC 3021).
  const bool has_broadcast = type == RTM_NEWADDR && request.message.ifa_prefixlen < 31;
  if (has_broadcast) attribute_add(&request, IFA_BROADCAST, &broadcast, sizeof(broadcast));
  return netlink_ask(&request.header);
}

int address6_change(unsigned short type, const char* name, const uint8_t address[16], int bits) {
  AddressRequest request;
  const int error = address_begin(&request, type, name, AF_INET6, bits);
  if (error < 0) return error;
  attribute_add(&request, IFA_LOCAL, address, 16);
  // No duplicate address detection: it asks the guests, whom nobody trusts, and one of them says
  // that it has the address. Rule V9 denies that answer, but the switch may be a later one that
  // finds guests already there, or one without rules (-U). What it would find, that a station
  // behind a bridge has the address too, the administrator who chose it has to know.
  if (type == RTM_NEWADDR) request.message.ifa_flags = IFA_F_NODAD;
  return netlink_ask(&request.header);
}

// Of several addresses of one network the first is primary, and with it the kernel removes the others, unless it was
// told to promote one of them.
int promote_secondaries(const char* name) {
  struct {
    struct nlmsghdr header;
    struct ifinfomsg message;
    struct rtattr link;
    struct rtattr family;
    struct rtattr settings;
    struct rtattr setting;
    uint32_t value;
  } request = {};
  const auto nested = [&request](struct rtattr* attribute, unsigned short type) {
    const uint8_t* end = reinterpret_cast<const uint8_t*>(&request + 1);
    attribute->rta_type = type;
    attribute->rta_len = static_cast<unsigned short>(end - reinterpret_cast<const uint8_t*>(attribute));
  };
  request.header.nlmsg_len = sizeof(request);
  request.header.nlmsg_type = RTM_SETLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  request.message.ifi_index = static_cast<int>(if_nametoindex(name));
  nested(&request.link, IFLA_AF_SPEC);
  nested(&request.family, AF_INET);
  nested(&request.settings, IFLA_INET_CONF);
  nested(&request.setting, IPV4_DEVCONF_PROMOTE_SECONDARIES);
  request.value = 1;
  return netlink_ask(&request.header);
}

// What it was answered who asked for what is so already.
int gone_is_well(int error) { return error == -EADDRNOTAVAIL || error == -ENODEV ? 0 : error; }

uint32_t ipv4_of(const struct sockaddr* address) {
  return ntohl(reinterpret_cast<const struct sockaddr_in*>(address)->sin_addr.s_addr);
}

const uint8_t* ipv6_of(const struct sockaddr* address) {
  return reinterpret_cast<const struct sockaddr_in6*>(address)->sin6_addr.s6_addr;
}

}  // namespace

int interface_assign(const char* interface_name, uint32_t address, uint32_t mask, bool shared) {
  if ((~mask & (~mask + 1)) != 0) return -EINVAL;
  // The same address with another mask would stand beside ours: it goes, unless it is somebody else's.
  struct ifaddrs* list = nullptr;
  if (getifaddrs(&list) < 0) return -errno;
  int error = 0;
  bool present = false;
  const struct ifaddrs* entry = list;
  for (; entry != nullptr && error == 0; entry = entry->ifa_next) {
    if (strcmp(entry->ifa_name, interface_name) != 0 || entry->ifa_addr == nullptr) continue;
    if (entry->ifa_addr->sa_family != AF_INET || ipv4_of(entry->ifa_addr) != address) continue;
    const uint32_t found = entry->ifa_netmask == nullptr ? ~0u : ipv4_of(entry->ifa_netmask);
    if (found == mask || shared) {
      present = true;
    } else {
      error = address_change(RTM_DELADDR, interface_name, address, found);
    }
  }
  freeifaddrs(list);
  if (error < 0 || present) return error;
  if (shared) error = promote_secondaries(interface_name);
  if (error == 0) error = address_change(RTM_NEWADDR, interface_name, address, mask);
  if (error == -EEXIST) return 0;
  return error == 0 ? 1 : error;
}

int interface_unassign(const char* interface_name, uint32_t address, uint32_t mask) {
  return gone_is_well(address_change(RTM_DELADDR, interface_name, address, mask));
}

int interface_assign6(const char* interface_name, const uint8_t address[16], int bits, bool shared) {
  if (bits < 1 || bits > 128) return -EINVAL;
  struct ifaddrs* list = nullptr;
  if (getifaddrs(&list) < 0) return -errno;
  int found = 0;
  const struct ifaddrs* entry = list;
  for (; entry != nullptr && found == 0; entry = entry->ifa_next) {
    if (strcmp(entry->ifa_name, interface_name) != 0 || entry->ifa_addr == nullptr) continue;
    if (entry->ifa_addr->sa_family != AF_INET6 || entry->ifa_netmask == nullptr) continue;
    if (memcmp(ipv6_of(entry->ifa_addr), address, 16) != 0) continue;
    const uint8_t* mask = ipv6_of(entry->ifa_netmask);
    for (int i = 0; i < 16; i++) found += __builtin_popcount(mask[i]);
  }
  freeifaddrs(list);
  if (found == bits || (shared && found != 0)) return 0;
  // An interface has an address once, with one length of prefix: another one has to go first.
  int error = found == 0 ? 0 : address6_change(RTM_DELADDR, interface_name, address, found);
  if (error == 0) error = address6_change(RTM_NEWADDR, interface_name, address, bits);
  if (error == -EEXIST) return 0;
  return error == 0 ? 1 : error;
}

int interface_unassign6(const char* interface_name, const uint8_t address[16], int bits) {
  return gone_is_well(address6_change(RTM_DELADDR, interface_name, address, bits));
}

}  // namespace vknetd

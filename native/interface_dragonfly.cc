// DragonFly's interfaces below the seam: taps, addresses and bridges, a few system calls at the
// start and at the end.
//
// A tap is a device node. The kernel does not load if_tap and if_bridge by itself; where a
// name is not known, we do. TAPSIFINFO is never used: a wrong argument makes the
// kernel return with the interface locked for good.
// Manual pages: tap(4), bridge(4), netintro(4), kldload(2).
#if !defined(__DragonFly__)
#error "vknetd runs on DragonFly and Linux; this system is neither"
#endif

#include "abi_dragonfly.h"
#include "kernel.h"

namespace vknetd {
namespace {

// What ND6_INFINITE_LIFETIME is in netinet6/nd6.h: an address for as long as the interface has it.
constexpr uint32_t INFINITE_LIFETIME = 0xffffffff;

// ioctl(2) on a socket made for it, as every interface request allows; those about IPv6 addresses
// are answered by that family's alone. 0 or the negated errno.
int interface_ioctl(unsigned long request, void* argument, int family = AF_INET) {
  const int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  const int outcome = ioctl(fd, request, argument) == 0 ? 0 : -errno;
  close(fd);
  return outcome;
}

// Fills a request's zeroed name field. False if the name is empty or does not fit.
bool name_put(char (&field)[IFNAMSIZ], const char* name) {
  const size_t length = strlen(name);
  if (length == 0 || length >= IFNAMSIZ) return false;
  memcpy(field, name, length + 1);
  return true;
}

// Makes `name` unless it exists: 1 made, 0 was there. Looks before it asks, because kernels
// of 2020 with assertions enabled panic when told to create a unit that exists.
int interface_create(const char* name, const char* module) {
  ifreq request = {};
  if (!name_put(request.ifr_name, name)) return -EINVAL;
  // Without a unit the kernel would choose one and make another interface than was named.
  const char last = name[strlen(name) - 1];
  if (last < '0' || last > '9') return -EINVAL;
  int outcome = interface_ioctl(SIOCGIFFLAGS, &request);
  if (outcome != -ENXIO) return outcome;
  outcome = interface_ioctl(SIOCIFCREATE, &request);
  // EINVAL: nobody makes such interfaces yet. Only root may load; if not, the answer stands.
  if (outcome == -EINVAL && kldload(module) >= 0) {
    outcome = interface_ioctl(SIOCIFCREATE, &request);
  }
  if (outcome == -EEXIST) return 0;
  return outcome < 0 ? outcome : 1;
}

int device_open(const char* path) {
  const int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

// Opens a node that the kernel was just told to make: devfs does so from a thread of its own.
int device_open_soon(const char* path) {
  constexpr timespec PAUSE = {0, 2'000'000};
  int fd = device_open(path);
  for (int tries = 0; fd == -ENOENT && tries < 100; ++tries) {
    nanosleep(&PAUSE, nullptr);
    fd = device_open(path);
  }
  return fd;
}

// The first free tap. Opening /dev/tap makes one; where that node is missing, units made
// beforehand are tried in turn, as they were before 5.8: EBUSY is another's, ENOENT the end.
int tap_open_free() {
  const int fd = device_open("/dev/tap");
  if (fd == -ENOENT && kldload("if_tap") >= 0) return device_open_soon("/dev/tap");
  if (fd != -ENOENT && fd != -EBUSY) return fd;
  for (int unit = 0; unit < 256; ++unit) {
    char path[32];
    snprintf(path, sizeof path, "/dev/tap%d", unit);
    const int scanned = device_open(path);
    if (scanned == -EBUSY) continue;
    return scanned == -ENOENT ? fd : scanned;
  }
  return fd;
}

// "tapN": opened, and made first if there is no such node. What is made so outlives us.
int tap_open_unit(const char* name) {
  char path[32];
  snprintf(path, sizeof path, "/dev/%s", name);
  const int fd = device_open(path);
  if (fd != -ENOENT) return fd;
  const int made = interface_create(name, "if_tap");
  return made < 0 ? made : device_open_soon(path);
}

bool is_tap_unit(const char* name) {
  if (strncmp(name, "tap", 3) != 0 || strlen(name) >= IFNAMSIZ) return false;
  const char* digits = name + 3;
  return *digits != '\0' && digits[strspn(digits, "0123456789")] == '\0';
}

// Node and interface bear one name, unless the interface was renamed. TAPGIFNAME came with 5.4.
int tap_names(int fd, TapInfo* out) {
  char device[32] = "";
  ifreq request = {};
  const bool told = ioctl(fd, TAPGIFNAME, &request) == 0;
  if (fdevname_r(fd, device, sizeof device) != 0) {
    if (!told) return -ENODEV;
    memcpy(device, request.ifr_name, IFNAMSIZ);
  }
  if (strncmp(device, "tap", 3) != 0) return -ENODEV;
  const char* interface_name = told ? request.ifr_name : device;
  if (!name_put(out->interface_name, interface_name)) return -ENODEV;
  snprintf(out->printed_name, sizeof out->printed_name, "/dev/%s", device);
  return 0;
}

sockaddr_in6 sockaddr6_of(const uint8_t octets[16]) {
  sockaddr_in6 field = {};
  field.sin6_len = sizeof field;
  field.sin6_family = AF_INET6;
  memcpy(&field.sin6_addr, octets, sizeof field.sin6_addr);
  return field;
}

// Bits of the prefix with which the interface has an IPv6 address; 0 if it has it not.
int prefix_bits(const char* interface_name, const uint8_t address[16]) {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return -errno;
  int bits = 0;
  for (const ifaddrs* row = list; row != nullptr && bits == 0; row = row->ifa_next) {
    if (row->ifa_addr == nullptr || row->ifa_addr->sa_family != AF_INET6) continue;
    if (row->ifa_netmask == nullptr || strcmp(row->ifa_name, interface_name) != 0) continue;
    const auto* found = reinterpret_cast<const sockaddr_in6*>(row->ifa_addr);
    if (memcmp(&found->sin6_addr, address, sizeof found->sin6_addr) != 0) continue;
    // A mask may be cut behind its last octet that is not zero.
    const auto* mask = reinterpret_cast<const uint8_t*>(row->ifa_netmask);
    const size_t end = mask[0] < sizeof(sockaddr_in6) ? mask[0] : offsetof(sockaddr_in6, sin6_scope_id);
    for (size_t i = offsetof(sockaddr_in6, sin6_addr); i < end; ++i) {
      bits += __builtin_popcount(mask[i]);
    }
  }
  freeifaddrs(list);
  return bits;
}

// What it was answered who asked for what is so already.
int gone_is_well(int outcome) {
  return outcome == -EADDRNOTAVAIL || outcome == -ENXIO ? 0 : outcome;
}

int bridge_ioctl(unsigned long request, const char* bridge, unsigned long command,
                 void* data, size_t size) {
  ifdrv drive = {};
  if (!name_put(drive.ifd_name, bridge)) return -EINVAL;
  drive.ifd_cmd = command;
  drive.ifd_len = size;  // exactly the command's structure, or EINVAL
  drive.ifd_data = data;
  return interface_ioctl(request, &drive);
}

}  // namespace

// ---- Interfaces ----

int tap_open(const char* request, bool, TapInfo* out) {
  *out = {};
  const char* name = strncmp(request, "/dev/", 5) == 0 ? request + 5 : request;
  const bool is_free = strcmp(request, "auto") == 0 || strcmp(name, "tap") == 0;
  const int fd = is_free             ? tap_open_free()
                 : is_tap_unit(name) ? tap_open_unit(name)
                                     : device_open(request);
  if (fd < 0) return fd;
  int outcome = tap_names(fd, out);
  if (outcome == 0) outcome = interface_info(out->interface_name, out);
  if (outcome < 0) {
    close(fd);
    return outcome;
  }
  // ifconfig(8) shows whose it is. Since 5.8; no harm where it is refused.
  const int pid = getpid();
  ioctl(fd, FIOSETOWN, &pid);
  return fd;
}

int tap_info(int fd, TapInfo* out) {
  *out = {};
  return tap_names(fd, out) < 0 ? -ENOTTY : interface_info(out->interface_name, out);
}

// route(4) tells of flags and of the MTU, and of every route that changes besides; of a MAC address that ifconfig(8)
// sets it says nothing. So nobody is told, and LinkWatch looks.
int link_subscribe(int tap) {
  TapInfo names = {};
  return tap_names(tap, &names) < 0 ? -ENOTTY : -EOPNOTSUPP;
}

void link_drain(int) {}

// bridge(4): a frame for a member's address is that member's.
int link_bridge(int, int, uint8_t[6]) { return 0; }

int interface_info(const char* interface_name, TapInfo* out) {
  ifreq request = {};
  if (!name_put(request.ifr_name, interface_name)) return -EINVAL;
  const int outcome = interface_ioctl(SIOCGIFMTU, &request);
  if (outcome < 0) return outcome;
  out->mtu = request.ifr_mtu;

  ifaddrs* addresses = nullptr;
  if (getifaddrs(&addresses) != 0) return -errno;
  bool found = false;
  for (const ifaddrs* row = addresses; row != nullptr && !found; row = row->ifa_next) {
    if (row->ifa_addr == nullptr || row->ifa_addr->sa_family != AF_LINK) continue;
    if (strcmp(row->ifa_name, interface_name) != 0) continue;
    const auto* link = reinterpret_cast<const sockaddr_dl*>(row->ifa_addr);
    if (link->sdl_alen != sizeof out->mac) continue;
    memcpy(out->mac, link->sdl_data + link->sdl_nlen, sizeof out->mac);
    found = true;
  }
  freeifaddrs(addresses);
  return found ? 0 : -ENXIO;
}

// No interface is shared here: see bridge_has_addresses.
int interface_assign(const char* interface_name, uint32_t address, uint32_t mask, bool) {
  ifaliasreq request = {};
  if (!name_put(request.ifra_name, interface_name)) return -EINVAL;
  // A mask without a length is ignored. The broadcast address is left to the kernel.
  sockaddr_in field = {};
  field.sin_len = sizeof field;
  field.sin_family = AF_INET;
  field.sin_addr.s_addr = htonl(address);
  memcpy(&request.ifra_addr, &field, sizeof field);
  field.sin_addr.s_addr = htonl(mask);
  memcpy(&request.ifra_mask, &field, sizeof field);
  const int assigned = interface_ioctl(SIOCAIFADDR, &request);
  return assigned < 0 ? assigned : 1;
}

int interface_unassign(const char* interface_name, uint32_t address, uint32_t) {
  ifreq request = {};
  if (!name_put(request.ifr_name, interface_name)) return -EINVAL;
  sockaddr_in field = {};
  field.sin_len = sizeof field;
  field.sin_family = AF_INET;
  field.sin_addr.s_addr = htonl(address);
  memcpy(&request.ifr_addr, &field, sizeof field);
  return gone_is_well(interface_ioctl(SIOCDIFADDR, &request));
}

int interface_assign6(const char* interface_name, const uint8_t address[16], int bits, bool) {
  if (bits < 1 || bits > 128) return -EINVAL;
  in6_aliasreq request = {};
  if (!name_put(request.ifra_name, interface_name)) return -EINVAL;
  const int found = prefix_bits(interface_name, address);
  if (found < 0 || found == bits) return found < 0 ? found : 0;
  request.ifra_addr = sockaddr6_of(address);
  if (found != 0) {
    // The kernel does not change the prefix of an address that there is.
    const int gone = interface_unassign6(interface_name, address, found);
    if (gone < 0) return gone;
  }
  uint8_t mask[16] = {};
  for (int i = 0; i < bits; ++i) mask[i / 8] |= static_cast<uint8_t>(0x80 >> i % 8);
  request.ifra_prefixmask = sockaddr6_of(mask);
  // No duplicate address detection: it would ask the guests, and one may answer; see kernel.h.
  request.ifra_flags = IN6_IFF_NODAD;
  request.ifra_lifetime.ia6t_vltime = INFINITE_LIFETIME;
  request.ifra_lifetime.ia6t_pltime = INFINITE_LIFETIME;
  const int assigned = interface_ioctl(SIOCAIFADDR_IN6, &request, AF_INET6);
  return assigned < 0 ? assigned : 1;
}

int interface_unassign6(const char* interface_name, const uint8_t address[16], int) {
  in6_ifreq request = {};
  if (!name_put(request.ifr_name, interface_name)) return -EINVAL;
  request.ifr_addr = sockaddr6_of(address);
  return gone_is_well(interface_ioctl(SIOCDIFADDR_IN6, &request, AF_INET6));
}

int interface_up(const char* interface_name) {
  ifreq request = {};
  if (!name_put(request.ifr_name, interface_name)) return -EINVAL;
  const int outcome = interface_ioctl(SIOCGIFFLAGS, &request);
  if (outcome < 0) return outcome;
  // Both halves go back as they came: the request replaces every flag that can be changed.
  name_put(request.ifr_name, interface_name);
  request.ifr_flags |= IFF_UP;
  return interface_ioctl(SIOCSIFFLAGS, &request);
}

// ---- Bridges ----

int bridge_has_addresses() { return 0; }

int bridge_create(const char* bridge) {
  const int made = interface_create(bridge, "if_bridge");
  if (made != 0) return made;
  const int count = bridge_member_count(bridge);  // EINVAL if it is something else than a bridge
  return count < 0 ? count : 0;
}

int bridge_add(const char* bridge, const char* member) {
  ifbreq request = {};
  if (!name_put(request.ifbr_ifsname, member)) return -EINVAL;
  const int outcome = bridge_ioctl(SIOCSDRVSPEC, bridge, BRDGADD, &request, sizeof request);
  if (outcome == 0) return 1;
  // The kernel compares MTUs before it looks for membership, so that EINVAL may hide EEXIST. Ask.
  const int asked = bridge_ioctl(SIOCGDRVSPEC, bridge, BRDGGIFFLGS, &request, sizeof request);
  return asked == 0 ? 0 : outcome;
}

int bridge_remove(const char* bridge, const char* member) {
  ifbreq request = {};
  if (!name_put(request.ifbr_ifsname, member)) return -EINVAL;
  const int outcome = bridge_ioctl(SIOCSDRVSPEC, bridge, BRDGDEL, &request, sizeof request);
  return outcome == -ENOENT || outcome == -ENXIO ? 0 : outcome;  // no member, no bridge
}

int bridge_member_count(const char* bridge) {
  ifbifconf request = {};  // length 0 asks for the length, span ports included
  const int outcome = bridge_ioctl(SIOCGDRVSPEC, bridge, BRDGGIFS, &request, sizeof request);
  return outcome < 0 ? outcome : static_cast<int>(request.ifbic_len / sizeof(ifbreq));
}

int bridge_destroy(const char* bridge) {
  ifreq request = {};
  if (!name_put(request.ifr_name, bridge)) return -EINVAL;
  return interface_ioctl(SIOCIFDESTROY, &request);
}

}  // namespace vknetd

// Linux's interfaces below the seam: /dev/net/tun and bridges; addresses_linux.cc has their addresses.
//
// Everything here is asked through sockets and never through /sys, which shows the network
// namespace that it was mounted in and not the one that we are in.

#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_bridge.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace vknetd {

namespace {

const int kBridgePortsMax = 1024;  // BR_MAX_PORTS

// A socket to ask about interfaces.
class Inquiry {
 public:
  Inquiry() : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), error_(fd_ < 0 ? -errno : 0) {}
  ~Inquiry() {
    if (fd_ >= 0) close(fd_);
  }
  Inquiry(const Inquiry&) = delete;
  Inquiry& operator=(const Inquiry&) = delete;

  int ask(unsigned long request, void* argument) const {
    if (fd_ < 0) return error_;
    const int result = ioctl(fd_, request, argument);
    return result < 0 ? -errno : result;
  }

 private:
  int fd_;
  int error_;
};

// As dev_valid_name in the kernel, and without the "%" that asks it to choose a number.
bool name_valid(const char* name) {
  const size_t length = strlen(name);
  if (length == 0 || length >= IFNAMSIZ) return false;
  if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) return false;
  for (const char* c = name; *c != '\0'; c++) {
    if (*c == '/' || *c == ':' || *c == '%' || *c <= ' ' || *c == 127) return false;
  }
  return true;
}

int name_fill(struct ifreq* request, const char* name) {
  memset(request, 0, sizeof(*request));
  if (!name_valid(name)) return -EINVAL;
  memcpy(request->ifr_name, name, strlen(name) + 1);
  return 0;
}

int flags_change(const char* name, short set, short clear) {
  Inquiry inquiry;
  struct ifreq request;
  int error = name_fill(&request, name);
  if (error == 0) error = inquiry.ask(SIOCGIFFLAGS, &request);
  if (error < 0) return error;
  const short wanted = static_cast<short>((request.ifr_flags | set) & ~clear);
  if (wanted == request.ifr_flags) return 0;
  request.ifr_flags = wanted;
  error = inquiry.ask(SIOCSIFFLAGS, &request);
  return error < 0 ? error : 0;
}

// ---- Taps ----

// Attaches a descriptor to a tap, with a header before each frame if that is wanted and there is such a thing.
int queue_attach(int fd, struct ifreq* request, bool offload) {
  request->ifr_flags = IFF_TAP | IFF_NO_PI | (offload ? IFF_VNET_HDR : 0);
  int result = ioctl(fd, TUNSETIFF, request);
  if (result < 0 && offload && errno == EINVAL) {
    offload = false;
    request->ifr_flags = IFF_TAP | IFF_NO_PI;
    result = ioctl(fd, TUNSETIFF, request);
  }
  if (result < 0) return -errno;
  const unsigned long wanted = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
  if (offload && ioctl(fd, TUNSETOFFLOAD, wanted) == 0) return 0;
  // A tap that outlives its user may still have the offloads that one asked for.
  return ioctl(fd, TUNSETOFFLOAD, 0) < 0 ? -errno : 0;
}

// Sets the address that the kernel gave a tap. What nobody has chosen udev(7) replaces a moment later (MACAddressPolicy
// in systemd.link(5)); where it fails udev may: the link is watched. And a bridge has the lowest address of its members
// for its own: of the addresses that are not a maker's none is higher than those of 0xfe, so that whom others know by
// the bridge's address has the same when we come and when we go.
void address_settle(int fd) {
  struct ifreq request;
  memset(&request, 0, sizeof(request));
  if (ioctl(fd, SIOCGIFHWADDR, &request) < 0) return;
  request.ifr_hwaddr.sa_data[0] = static_cast<char>(0xfe);
  (void)!ioctl(fd, SIOCSIFHWADDR, &request);
}

// Whether opening a tap has made it: one that was there is persistent, or has another's queue and is busy.
bool is_made(int fd) {
  struct ifreq request;
  memset(&request, 0, sizeof(request));
  return ioctl(fd, TUNGETIFF, &request) == 0 && (request.ifr_flags & IFF_PERSIST) == 0;
}

// Attaches a queue to the tap of that name, or to a new one; "tap%d" is the first free.
int tun_attach(const char* name, bool offload, char interface_name[IFNAMSIZ]) {
  const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return -errno;
  struct ifreq request;
  memset(&request, 0, sizeof(request));
  memcpy(request.ifr_name, name, strlen(name) + 1);
  const int error = queue_attach(fd, &request, offload);
  if (error < 0) {
    close(fd);
    return error;
  }
  if (is_made(fd)) address_settle(fd);
  memcpy(interface_name, request.ifr_name, IFNAMSIZ);
  interface_name[IFNAMSIZ - 1] = '\0';
  return fd;
}

// Opens the node of a tap that exists, as macvtap makes them.
int node_attach(const char* path, bool offload, char interface_name[IFNAMSIZ]) {
  const int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return -errno;
  struct ifreq request;
  memset(&request, 0, sizeof(request));
  int error = queue_attach(fd, &request, offload);
  if (error == 0 && ioctl(fd, TUNGETIFF, &request) < 0) error = -errno;
  if (error < 0) {
    close(fd);
    return error == -ENOTTY ? -EINVAL : error;
  }
  memcpy(interface_name, request.ifr_name, IFNAMSIZ);
  interface_name[IFNAMSIZ - 1] = '\0';
  return fd;
}

int path_attach(const char* path, bool offload, char interface_name[IFNAMSIZ]) {
  if (strcmp(path, "/dev/net/tun") == 0) return tun_attach("tap%d", offload, interface_name);
  struct stat node;
  if (stat(path, &node) == 0) {
    return S_ISCHR(node.st_mode) ? node_attach(path, offload, interface_name) : -EINVAL;
  }
  if (errno != ENOENT) return -errno;
  // Command lines made for BSD name the node; here it is the interface that has the name.
  const char* name = path + strlen("/dev/");
  const bool old = strncmp(path, "/dev/tap", strlen("/dev/tap")) == 0 && name_valid(name);
  return old ? tun_attach(name, offload, interface_name) : -ENOENT;
}

// ---- Bridges ----

// Kernel indices of a bridge's members; how many, or the negated errno (brctl's own request:
// it follows the network namespace, where /sys does not).
int bridge_members(const char* bridge, int indices[kBridgePortsMax], int ports[kBridgePortsMax]) {
  Inquiry inquiry;
  struct ifreq request;
  int error = name_fill(&request, bridge);
  if (error < 0) return error;
  memset(ports, 0, sizeof(int) * kBridgePortsMax);
  unsigned long arguments[4] = {BRCTL_GET_PORT_LIST, reinterpret_cast<unsigned long>(ports),
                                static_cast<unsigned long>(kBridgePortsMax), 0};
  request.ifr_data = reinterpret_cast<char*>(arguments);
  error = inquiry.ask(SIOCDEVPRIVATE, &request);
  if (error < 0) return error;
  int count = 0;
  for (int i = 0; i < kBridgePortsMax; i++) {
    if (ports[i] != 0) indices[count++] = ports[i];
  }
  return count;
}

bool is_bridge(const char* name) {
  Inquiry inquiry;
  struct ifreq request;
  if (name_fill(&request, name) < 0) return false;
  struct ethtool_drvinfo driver;
  memset(&driver, 0, sizeof(driver));
  driver.cmd = ETHTOOL_GDRVINFO;
  request.ifr_data = reinterpret_cast<char*>(&driver);
  return inquiry.ask(SIOCETHTOOL, &request) >= 0 && strcmp(driver.driver, "bridge") == 0;
}

int bridge_member_change(unsigned long request_code, const char* bridge, unsigned int index) {
  Inquiry inquiry;
  struct ifreq request;
  int error = name_fill(&request, bridge);
  if (error < 0) return error;
  request.ifr_ifindex = static_cast<int>(index);
  error = inquiry.ask(request_code, &request);
  return error < 0 ? error : 0;
}

}  // namespace

// ---- Interfaces ----

int tap_open(const char* request, bool offload, TapInfo* out) {
  memset(out, 0, sizeof(*out));
  char name[IFNAMSIZ];
  int fd = -EINVAL;
  if (strcmp(request, "auto") == 0) {
    fd = tun_attach("tap%d", offload, name);
  } else if (request[0] == '/') {
    fd = path_attach(request, offload, name);
  } else if (name_valid(request)) {
    fd = tun_attach(request, offload, name);
  }
  if (fd < 0) return fd;
  const int error = interface_info(name, out);
  if (error == 0) return fd;
  close(fd);
  return error;
}

int tap_info(int fd, TapInfo* out) {
  struct ifreq request;
  memset(&request, 0, sizeof(request));
  if (ioctl(fd, TUNGETIFF, &request) < 0) return -errno;
  if ((request.ifr_flags & IFF_TAP) == 0) return -ENOTTY;
  request.ifr_name[IFNAMSIZ - 1] = '\0';
  return interface_info(request.ifr_name, out);
}

int interface_info(const char* interface_name, TapInfo* out) {
  Inquiry inquiry;
  struct ifreq request;
  int error = name_fill(&request, interface_name);
  if (error == 0) error = inquiry.ask(SIOCGIFHWADDR, &request);
  if (error < 0) return error;
  memset(out, 0, sizeof(*out));
  memcpy(out->mac, request.ifr_hwaddr.sa_data, sizeof(out->mac));
  error = inquiry.ask(SIOCGIFMTU, &request);
  if (error < 0) return error;
  out->mtu = request.ifr_mtu;
  memcpy(out->interface_name, request.ifr_name, sizeof(out->interface_name));
  memcpy(out->printed_name, request.ifr_name, sizeof(out->interface_name));
  return 0;
}

int interface_up(const char* interface_name) { return flags_change(interface_name, IFF_UP, 0); }

// ---- Bridges ----

int bridge_create(const char* bridge) {
  Inquiry inquiry;
  struct ifreq request;
  int error = name_fill(&request, bridge);
  if (error < 0) return error;
  error = inquiry.ask(SIOCBRADDBR, request.ifr_name);
  if (error >= 0) return 1;
  if (error != -EEXIST) return error;
  return is_bridge(bridge) ? 0 : -EOPNOTSUPP;
}

int bridge_add(const char* bridge, const char* member) {
  if (!name_valid(member)) return -EINVAL;
  const unsigned int index = if_nametoindex(member);
  if (index == 0) return -errno;
  const int error = bridge_member_change(SIOCBRADDIF, bridge, index);
  if (error == 0) return 1;
  if (error != -EBUSY) return error;
  int indices[kBridgePortsMax];
  int ports[kBridgePortsMax];
  const int count = bridge_members(bridge, indices, ports);
  for (int i = 0; i < count; i++) {
    if (indices[i] == static_cast<int>(index)) return 0;
  }
  return -EBUSY;
}

int bridge_remove(const char* bridge, const char* member) {
  if (!name_valid(member)) return -EINVAL;
  const unsigned int index = if_nametoindex(member);
  if (index == 0) return 0;
  const int error = bridge_member_change(SIOCBRDELIF, bridge, index);
  // EINVAL: no member of this bridge; ENODEV: there is no such bridge.
  return error == -EINVAL || error == -ENODEV ? 0 : error;
}

int bridge_member_count(const char* bridge) {
  int indices[kBridgePortsMax];
  int ports[kBridgePortsMax];
  return bridge_members(bridge, indices, ports);
}

int bridge_has_addresses() { return 1; }

int bridge_destroy(const char* bridge) {
  Inquiry inquiry;
  struct ifreq request;
  int error = name_fill(&request, bridge);
  if (error < 0) return error;
  if (!is_bridge(bridge)) return if_nametoindex(bridge) == 0 ? -ENXIO : -EOPNOTSUPP;
  // The kernel removes only a bridge that is down.
  error = flags_change(bridge, 0, IFF_UP);
  if (error < 0) return error;
  error = inquiry.ask(SIOCBRDELBR, request.ifr_name);
  return error < 0 ? error : 0;
}

}  // namespace vknetd

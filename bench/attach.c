// The ways to a switch: ours and the pumps', vde2's, the kernel's bridge.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "guest.h"

// A switch that is just starting has no socket yet, or one on which it does not listen yet.
static int connect_patiently(int fd, const struct sockaddr_un* name) {
  for (int i = 0; i < 40000; i++) {
    // A full backlog lets a blocking connect wait.
    if (connect(fd, (const struct sockaddr*)name, sizeof *name) == 0) return 0;
    if (errno != ENOENT && errno != ECONNREFUSED && errno != EACCES) return -1;
    usleep(250);
  }
  return -1;
}

static int connect_to(const char* path, int type) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof name.sun_path) {
    errno = ENAMETOOLONG;
    fail(path);
  }
  strcpy(name.sun_path, path);
  const int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  if (connect_patiently(fd, &name) < 0) fail(path);
  return fd;
}

// vde2's request, version 3 (vde_switch(1); the layout is what every vde plug sends).
struct __attribute__((packed)) vde_request {
  uint32_t magic;
  uint32_t version;
  uint32_t type;
  struct sockaddr_un data;
  char description[64];
};

// Beside the switch's own directory, which goes with all that is in it when a run is over.
static void data_socket_name(const char* path, int number, char* out, size_t room) {
  const int length = snprintf(out, room, "%s.guest%d", path, number);
  if (length < 0 || (size_t)length >= room) {
    errno = ENAMETOOLONG;
    fail(path);
  }
}

static void attach_vde(struct guest* guest, const char* path, int index) {
  char control[108];
  snprintf(control, sizeof control, "%s/ctl", path);
  guest->control = connect_to(control, SOCK_STREAM);
  guest->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (guest->fd < 0) fail("socket");
  struct vde_request request = {.magic = 0xfeedface, .version = 3, .type = 0};
  request.data.sun_family = AF_UNIX;
  data_socket_name(path, index, request.data.sun_path, sizeof request.data.sun_path);
  unlink(request.data.sun_path);
  if (bind(guest->fd, (struct sockaddr*)&request.data, sizeof request.data) < 0) fail("bind");
  snprintf(request.description, sizeof request.description, "bench %d", index);
  const size_t size = offsetof(struct vde_request, description) + strlen(request.description);
  if (send(guest->control, &request, size, MSG_NOSIGNAL) != (ssize_t)size) fail("vde request");
  struct sockaddr_un peer;
  const ssize_t answer = recv(guest->control, &peer, sizeof peer, MSG_WAITALL);
  if (answer < (ssize_t)offsetof(struct sockaddr_un, sun_path)) fail("vde answer");
  if (connect(guest->fd, (struct sockaddr*)&peer, sizeof peer) < 0) fail("vde data socket");
}

static int control_socket(void) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  return fd;
}

static void set_up(int control, const char* interface) {
  struct ifreq request = {0};
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
  if (ioctl(control, SIOCGIFFLAGS, &request) < 0) fail("interface flags");
  request.ifr_flags |= IFF_UP;
  if (ioctl(control, SIOCSIFFLAGS, &request) < 0) fail("interface up");
}

static const char bridge[] = "bench0";

void bridge_make(void) {
  if (unshare(CLONE_NEWNET) < 0) fail("a network namespace (needs root)");
  // Nobody but the guests is to send anything.
  const int quiet = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY | O_CLOEXEC);
  if (quiet >= 0) {
    if (write(quiet, "1", 1) != 1) fail("disable_ipv6");
    close(quiet);
  }
  const int control = control_socket();
  if (ioctl(control, SIOCBRADDBR, bridge) < 0) fail("bridge");
  set_up(control, bridge);
  close(control);
}

static void attach_bridge(struct guest* guest) {
  guest->is_tap = true;
  guest->fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (guest->fd < 0) fail("/dev/net/tun");
  struct ifreq request = {0};
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (ioctl(guest->fd, TUNSETIFF, &request) < 0) fail("tap");
  char interface[IFNAMSIZ];
  snprintf(interface, sizeof interface, "%s", request.ifr_name);
  const int control = control_socket();
  struct ifreq member = {0};
  snprintf(member.ifr_name, sizeof member.ifr_name, "%s", bridge);
  member.ifr_ifindex = (int)if_nametoindex(interface);
  if (ioctl(control, SIOCBRADDIF, &member) < 0) fail("bridge member");
  set_up(control, interface);
  close(control);
}

void guest_attach(struct guest* guest, enum attachment how, const char* path, int index) {
  memset(guest, 0, sizeof *guest);
  guest->control = -1;
  const uint8_t mac[6] = {0x52, 0x54, 0, 0x42, (uint8_t)(index >> 8), (uint8_t)index};
  memcpy(guest->mac, mac, sizeof mac);
  // From 10.1.1.1 on, 250 to a third octet, so that neither .0 nor .255 ends one.
  guest->address = 0x0a010000u | (uint32_t)(1 + index / 250) << 8 | (uint32_t)(1 + index % 250);
  if (how == ATTACH_SEQPACKET) guest->fd = connect_to(path, SOCK_SEQPACKET);
  else if (how == ATTACH_VDE) attach_vde(guest, path, index);
  else attach_bridge(guest);
}

void guest_detach(struct guest* guest) {
  close(guest->fd);
  if (guest->control >= 0) close(guest->control);
}

// DragonFly's headers in an order that compiles, and the shapes and numbers in them that
// kernel_dragonfly.cc and interface_dragonfly.cc rely on, as they are on x86-64.
//
// A request number holds the size of its argument, and the kernel copies that many octets
// whatever we pass: a header of another system would not fail, it would overrun. So it fails here.
// _POSIX_C_SOURCE must not be defined; it hides most of this.
#pragma once

// net/bridge and net/tap headers need sys/types.h, net/if.h and net/ethernet.h before them.
#include <sys/types.h>
#include <sys/socket.h>

#include <net/if.h>
#include <net/ethernet.h>
#include <net/if_dl.h>
#include <net/bridge/if_bridgevar.h>
#include <net/tap/if_tap.h>
#include <netinet/in.h>
#include <netinet/in_var.h>

#include <sys/event.h>
#include <sys/ioctl.h>
#include <sys/linker.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ABI_SIZE(type, octets) static_assert(sizeof(type) == (octets), #type)
#define ABI_AT(type, field, at) static_assert(offsetof(type, field) == (at), #type "." #field)
#define ABI_VALUE(name, value) static_assert((name) == (value), #name)

ABI_SIZE(int, 4);
ABI_SIZE(long, 8);
ABI_SIZE(void*, 8);
ABI_SIZE(socklen_t, 4);
ABI_SIZE(uid_t, 4);
ABI_SIZE(gid_t, 4);
ABI_SIZE(timespec, 16);
ABI_SIZE(iovec, 16);

// Interfaces: SIOC…, TAPGIFNAME.
ABI_SIZE(sockaddr, 16);
ABI_SIZE(sockaddr_in, 16);
ABI_AT(sockaddr_in, sin_len, 0);
ABI_AT(sockaddr_in, sin_family, 1);
ABI_AT(sockaddr_in, sin_addr, 4);
ABI_SIZE(sockaddr_dl, 54);
ABI_AT(sockaddr_dl, sdl_nlen, 5);
ABI_AT(sockaddr_dl, sdl_alen, 6);
ABI_AT(sockaddr_dl, sdl_data, 8);
ABI_VALUE(IFNAMSIZ, 16);
ABI_SIZE(ifreq, 32);
ABI_AT(ifreq, ifr_name, 0);
ABI_AT(ifreq, ifr_flags, 16);
ABI_AT(ifreq, ifr_flagshigh, 18);
ABI_AT(ifreq, ifr_mtu, 16);
ABI_SIZE(ifaliasreq, 64);
ABI_AT(ifaliasreq, ifra_name, 0);
ABI_AT(ifaliasreq, ifra_addr, 16);
ABI_AT(ifaliasreq, ifra_broadaddr, 32);
ABI_AT(ifaliasreq, ifra_mask, 48);
ABI_SIZE(time_t, 8);
ABI_SIZE(sockaddr_in6, 28);
ABI_AT(sockaddr_in6, sin6_len, 0);
ABI_AT(sockaddr_in6, sin6_family, 1);
ABI_AT(sockaddr_in6, sin6_addr, 8);
ABI_AT(sockaddr_in6, sin6_scope_id, 24);
ABI_SIZE(in6_aliasreq, 128);
ABI_AT(in6_aliasreq, ifra_name, 0);
ABI_AT(in6_aliasreq, ifra_addr, 16);
ABI_AT(in6_aliasreq, ifra_prefixmask, 72);
ABI_AT(in6_aliasreq, ifra_flags, 100);
ABI_AT(in6_aliasreq, ifra_lifetime.ia6t_vltime, 120);
ABI_AT(in6_aliasreq, ifra_lifetime.ia6t_pltime, 124);
ABI_SIZE(in6_ifreq, 288);
ABI_AT(in6_ifreq, ifr_name, 0);
ABI_AT(in6_ifreq, ifr_addr, 16);
ABI_VALUE(SIOCIFCREATE, 0xc020697aUL);
ABI_VALUE(SIOCIFDESTROY, 0x80206979UL);
ABI_VALUE(SIOCGIFFLAGS, 0xc0206911UL);
ABI_VALUE(SIOCSIFFLAGS, 0x80206910UL);
ABI_VALUE(SIOCGIFMTU, 0xc0206933UL);
ABI_VALUE(SIOCAIFADDR, 0x8040691aUL);
ABI_VALUE(SIOCAIFADDR_IN6, 0x8080691aUL);
ABI_VALUE(SIOCDIFADDR, 0x80206919UL);
ABI_VALUE(SIOCDIFADDR_IN6, 0x81206919UL);
ABI_VALUE(IN6_IFF_NODAD, 0x20);
ABI_VALUE(TAPGIFNAME, 0x4020745dUL);
ABI_VALUE(FIOSETOWN, 0x8004667cUL);
ABI_VALUE(IFF_UP, 1);
ABI_VALUE(AF_INET, 2);
ABI_VALUE(AF_LINK, 18);
ABI_VALUE(AF_INET6, 28);

// Bridges: SIOCSDRVSPEC and SIOCGDRVSPEC, whose lengths must be exact.
ABI_SIZE(ifdrv, 40);
ABI_AT(ifdrv, ifd_name, 0);
ABI_AT(ifdrv, ifd_cmd, 16);
ABI_AT(ifdrv, ifd_len, 24);
ABI_AT(ifdrv, ifd_data, 32);
ABI_SIZE(ifbreq, 112);
ABI_AT(ifbreq, ifbr_ifsname, 0);
ABI_AT(ifbreq, ifbr_ifsflags, 16);
ABI_SIZE(ifbifconf, 16);
ABI_AT(ifbifconf, ifbic_len, 0);
ABI_AT(ifbifconf, ifbic_buf, 8);
ABI_VALUE(SIOCSDRVSPEC, 0x8028697bUL);
ABI_VALUE(SIOCGDRVSPEC, 0xc028697bUL);
ABI_VALUE(BRDGADD, 0);
ABI_VALUE(BRDGDEL, 1);
ABI_VALUE(BRDGGIFFLGS, 2);
ABI_VALUE(BRDGGIFS, 6);

// Sockets.
ABI_SIZE(msghdr, 48);
ABI_AT(msghdr, msg_iov, 16);
ABI_AT(msghdr, msg_iovlen, 24);
ABI_AT(msghdr, msg_control, 32);
ABI_AT(msghdr, msg_controllen, 40);
ABI_AT(msghdr, msg_flags, 44);
ABI_SIZE(cmsghdr, 12);
ABI_VALUE(CMSG_LEN(0), 16);
ABI_VALUE(SCM_RIGHTS, 1);
ABI_VALUE(SOCK_CLOEXEC, 0x10000000);
ABI_VALUE(SOCK_NONBLOCK, 0x20000000);
ABI_VALUE(SOL_SOCKET, 0xffff);
ABI_VALUE(SO_SNDBUF, 0x1001);
ABI_VALUE(MSG_EOR, 0x8);
ABI_VALUE(MSG_TRUNC, 0x10);
ABI_VALUE(MSG_DONTWAIT, 0x80);
ABI_VALUE(MSG_NOSIGNAL, 0x400);
ABI_VALUE(MSG_CMSG_CLOEXEC, 0x1000);
ABI_VALUE(FIONREAD, 0x4004667fUL);

// kqueue, and the rest.
ABI_SIZE(struct kevent, 32);
ABI_AT(struct kevent, ident, 0);
ABI_AT(struct kevent, filter, 8);
ABI_AT(struct kevent, flags, 10);
ABI_AT(struct kevent, data, 16);
ABI_AT(struct kevent, udata, 24);
ABI_VALUE(EVFILT_READ, -1);
ABI_VALUE(EVFILT_WRITE, -2);
ABI_VALUE(EV_ADD, 0x1);
ABI_VALUE(EV_DELETE, 0x2);
ABI_VALUE(EV_RECEIPT, 0x40);
ABI_VALUE(EV_ERROR, 0x4000);
ABI_VALUE(EV_EOF, 0x8000);
ABI_VALUE(O_RDWR, 0x2);
ABI_VALUE(O_NONBLOCK, 0x4);
ABI_VALUE(O_CLOEXEC, 0x20000);
ABI_VALUE(CLOCK_MONOTONIC_FAST, 12);
ABI_VALUE(ENOENT, 2);
ABI_VALUE(EBUSY, 16);
ABI_VALUE(EAGAIN, 35);
ABI_VALUE(EWOULDBLOCK, EAGAIN);
ABI_VALUE(EMSGSIZE, 40);
ABI_VALUE(ECONNABORTED, 53);
ABI_VALUE(ECONNRESET, 54);
ABI_VALUE(ENOTCONN, 57);

#undef ABI_SIZE
#undef ABI_AT
#undef ABI_VALUE

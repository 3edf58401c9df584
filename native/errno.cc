// The symbols of errno(2), as Node spells them: the numbers differ between systems.

#include <errno.h>

#include "kernel.h"

namespace vknetd {

const char* errno_name(int number) {
#define NAME(symbol) \
  case symbol:       \
    return #symbol
  switch (number) {
    NAME(EPERM);
    NAME(ENOENT);
    NAME(EINTR);
    NAME(EIO);
    NAME(ENXIO);
    NAME(EBADF);
    NAME(EAGAIN);
    NAME(ENOMEM);
    NAME(EACCES);
    NAME(EFAULT);
    NAME(EBUSY);
    NAME(EEXIST);
    NAME(EXDEV);
    NAME(ENODEV);
    NAME(ENOTDIR);
    NAME(EISDIR);
    NAME(EINVAL);
    NAME(ENFILE);
    NAME(EMFILE);
    NAME(ENOTTY);
    NAME(EFBIG);
    NAME(ENOSPC);
    NAME(EROFS);
    NAME(EMLINK);
    NAME(EPIPE);
    NAME(ERANGE);
    NAME(EDEADLK);
    NAME(ENAMETOOLONG);
    NAME(ENOSYS);
    NAME(ELOOP);
    NAME(EPROTO);
    NAME(EOVERFLOW);
    NAME(ENOTSOCK);
    NAME(EMSGSIZE);
    NAME(EPROTOTYPE);
    NAME(EOPNOTSUPP);
    NAME(EAFNOSUPPORT);
    NAME(EADDRINUSE);
    NAME(EADDRNOTAVAIL);
    NAME(ENETDOWN);
    NAME(ENETUNREACH);
    NAME(ECONNABORTED);
    NAME(ECONNRESET);
    NAME(ENOBUFS);
    NAME(EISCONN);
    NAME(ENOTCONN);
    NAME(ETIMEDOUT);
    NAME(ECONNREFUSED);
    NAME(EHOSTDOWN);
    NAME(EALREADY);
    NAME(EINPROGRESS);
    NAME(EDQUOT);
    NAME(ESTALE);
#ifdef ENOPKG
    NAME(ENOPKG);
#endif
#ifdef EBADFD
    NAME(EBADFD);
#endif
    default:
      return "UNKNOWN";
  }
#undef NAME
}

}  // namespace vknetd

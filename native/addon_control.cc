// JavaScript's view of control.h, in its order. See Binding.ts.

#include <napi.h>

#include <limits.h>

#include "addon.h"
#include "control.h"

namespace vknetd {

namespace {

Value PeerCredentials(const CallbackInfo& info) {
  int64_t fd = 0;
  int64_t gid = 0;
  if (!integer_of(info, 0, 0, INT_MAX, &fd) || !integer_of(info, 1, 0, UINT32_MAX, &gid)) return Value();
  Caller caller;
  const int error = peer_caller(static_cast<int>(fd), static_cast<uint32_t>(gid), &caller);
  return error < 0 ? number(info, error) : pair_of(info, caller.uid, caller.member ? 1 : 0);
}

Value UserName(const CallbackInfo& info) {
  int64_t uid = 0;
  if (!integer_of(info, 0, 0, UINT32_MAX, &uid)) return Value();
  char name[256];
  if (user_name(static_cast<uint32_t>(uid), name, sizeof(name)) < 0) return info.Env().Undefined();
  return Napi::String::New(info.Env(), name);
}

}  // namespace

void publish_control(Object exports) {
  publish<PeerCredentials>(exports, "peerCredentials");
  publish<UserName>(exports, "userName");
}

}  // namespace vknetd

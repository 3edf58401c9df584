// JavaScript's view of handover.h, in its order. See Binding.ts.

#include <napi.h>

#include <errno.h>
#include <limits.h>

#include "addon.h"
#include "handover.h"

namespace vknetd {

namespace {

Value DuplicateFd(const CallbackInfo& info) {
  int64_t fd = 0;
  if (!integer_of(info, 0, 0, INT_MAX, &fd)) return Value();
  return number(info, descriptor_duplicate(static_cast<int>(fd)));
}

bool octets_of(const CallbackInfo& info, size_t index, Napi::Uint8Array* out) {
  if (info.Length() > index && info[index].IsTypedArray()) {
    *out = info[index].As<Napi::Uint8Array>();
    if (out->TypedArrayType() == napi_uint8_array) return true;
  }
  refuse_call(info.Env(), "a Uint8Array is expected");
  return false;
}

Value HandoverSend(const CallbackInfo& info) {
  int64_t fd = 0;
  int64_t wait_ms = 0;
  Napi::Uint8Array octets;
  if (!integer_of(info, 0, 0, INT_MAX, &fd) || !octets_of(info, 1, &octets) ||
      !integer_of(info, 3, 0, INT_MAX, &wait_ms)) {
    return Value();
  }
  if (!info[2].IsArray()) return refuse_call(info.Env(), "an array of descriptors is expected");
  const Napi::Array given = info[2].As<Napi::Array>();
  if (given.Length() > kDescriptorsPerMessage) return number(info, -E2BIG);
  int descriptors[kDescriptorsPerMessage];
  for (uint32_t i = 0; i < given.Length(); i++) {
    descriptors[i] = static_cast<Value>(given[i]).As<Number>().Int32Value();
  }
  return number(info, handover_send(static_cast<int>(fd), octets.Data(), octets.ByteLength(), descriptors,
                                    given.Length(), static_cast<int>(wait_ms)));
}

Value HandoverReceive(const CallbackInfo& info) {
  int64_t fd = 0;
  int64_t wait_ms = 0;
  Napi::Uint8Array into;
  if (!integer_of(info, 0, 0, INT_MAX, &fd) || !octets_of(info, 1, &into) ||
      !integer_of(info, 2, 0, INT_MAX, &wait_ms)) {
    return Value();
  }
  int descriptors[kDescriptorsPerMessage];
  size_t count = 0;
  const int64_t received = handover_receive(static_cast<int>(fd), into.Data(), into.ByteLength(), descriptors,
                                            &count, static_cast<int>(wait_ms));
  if (received < 0) return number(info, received);
  Napi::Array came = Napi::Array::New(info.Env(), count);
  for (size_t i = 0; i < count; i++) came.Set(static_cast<uint32_t>(i), number(info, descriptors[i]));
  Object out = Object::New(info.Env());
  out.Set("size", number(info, received));
  out.Set("descriptors", came);
  return out;
}

Value RewritePidFile(const CallbackInfo& info) {
  int64_t fd = 0;
  int64_t pid = 0;
  if (!integer_of(info, 0, 0, INT_MAX, &fd) || !integer_of(info, 1, 1, INT32_MAX, &pid)) return Value();
  return number(info, pidfile_rewrite(static_cast<int>(fd), static_cast<int32_t>(pid)));
}

}  // namespace

void publish_handover(Object exports) {
  publish<DuplicateFd>(exports, "duplicateFd");
  publish<HandoverSend>(exports, "handoverSend");
  publish<HandoverReceive>(exports, "handoverReceive");
  publish<RewritePidFile>(exports, "rewritePidFile");
}

}  // namespace vknetd

// What the two halves of JavaScript's view have in common.
#pragma once

#include <napi.h>

#include <stdint.h>

namespace vknetd {

using Napi::CallbackInfo;
using Napi::Env;
using Napi::Number;
using Napi::Object;
using Napi::Value;

inline Value refuse_call(Env env, const char* message) {
  Napi::TypeError::New(env, message).ThrowAsJavaScriptException();
  return env.Undefined();
}

inline Value number(const CallbackInfo& info, int64_t value) {
  return Number::New(info.Env(), static_cast<double>(value));
}

// openExchange(arrays, options) (addon_exchange.cc)
Value OpenExchange(const CallbackInfo& info);

}  // namespace vknetd

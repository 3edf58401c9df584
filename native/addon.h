// What the parts of JavaScript's view have in common.
#pragma once

#include <napi.h>

#include <stdint.h>

#include <string>

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

// A path or name: a string that C can hold.
inline bool text_of(const CallbackInfo& info, size_t index, std::string* out) {
  if (info.Length() > index && info[index].IsString()) {
    *out = info[index].As<Napi::String>().Utf8Value();
    if (out->find('\0') == std::string::npos) return true;
  }
  refuse_call(info.Env(), "a string without NUL is expected");
  return false;
}

inline bool integer_of(const CallbackInfo& info, size_t index, int64_t min, int64_t max, int64_t* out) {
  if (info.Length() > index && info[index].IsNumber()) {
    const double value = info[index].As<Number>().DoubleValue();
    *out = static_cast<int64_t>(value >= -9e15 && value <= 9e15 ? value : -9e15);
    if (static_cast<double>(*out) == value && *out >= min && *out <= max) return true;
  }
  refuse_call(info.Env(), "a whole number in range is expected");
  return false;
}

inline bool flag_of(const CallbackInfo& info, size_t index, bool* out) {
  if (info.Length() > index && info[index].IsBoolean()) {
    *out = info[index].As<Napi::Boolean>();
    return true;
  }
  refuse_call(info.Env(), "a boolean is expected");
  return false;
}

inline Value pair_of(const CallbackInfo& info, int64_t first, int64_t second) {
  Napi::Array pair = Napi::Array::New(info.Env(), 2);
  pair.Set(0u, number(info, first));
  pair.Set(1u, number(info, second));
  return pair;
}

template <Value (*function)(const CallbackInfo&)>
void publish(Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<function>(exports.Env(), name));
}

// openExchange(arrays, options) (addon_exchange.cc)
Value OpenExchange(const CallbackInfo& info);

// The functions of service.h (addon_service.cc)
void publish_service(Object exports);

// The functions of control.h (addon_control.cc)
void publish_control(Object exports);

// The functions of handover.h (addon_handover.cc)
void publish_handover(Object exports);

}  // namespace vknetd

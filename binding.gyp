{
  "targets": [{
    "target_name": "vknetd",
    "sources": ["native/addon.cc", "native/loop.cc", "native/posix.cc"],
    "include_dirs": ["<!@(node -p \"require('node-addon-api').include\")"],
    "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS", "NODE_ADDON_API_DISABLE_DEPRECATED"],
    "cflags": ["-fvisibility=hidden", "-Wall", "-Wextra", "-Wno-cast-function-type"],
    "cflags_cc!": ["-std=gnu++20", "-std=gnu++17", "-std=c++17", "-fno-rtti"],
    "cflags_cc": ["-std=gnu++17", "-fno-exceptions", "-O2"],
    "conditions": [
      ["OS=='linux'", { "sources": ["native/kernel_linux.cc"] }],
      ["OS=='freebsd'", { "sources": ["native/kernel_dragonfly.cc"] }]
    ]
  }]
}

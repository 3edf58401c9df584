{
  "targets": [{
    "target_name": "vknetd",
    "sources": [
      "native/addon.cc", "native/addon_exchange.cc", "native/loop.cc", "native/ports.cc",
      "native/segments.cc", "native/segment_tap.cc", "native/link_watch.cc",
      "native/posix.cc", "native/errno.cc", "native/service.cc",
      "native/addon_service.cc", "native/control.cc", "native/addon_control.cc",
      "native/handover.cc", "native/addon_handover.cc"
    ],
    "include_dirs": ["<!@(node -p \"require('node-addon-api').include\")"],
    "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS", "NODE_ADDON_API_DISABLE_DEPRECATED"],
    "cflags": ["-fvisibility=hidden", "-Wall", "-Wextra", "-Wno-cast-function-type"],
    "cflags!": ["-O3"],
    # Whatever a Node release asks for, an older compiler has to manage.
    "cflags_cc!": ["-std=c++17", "-std=c++20", "-std=gnu++20", "-std=gnu++2a", "-std=gnu++23"],
    "cflags_cc": ["-std=gnu++17", "-fno-exceptions", "-O2"],
    "conditions": [
      ["OS=='linux'", {
        "sources": ["native/kernel_linux.cc", "native/interface_linux.cc", "native/addresses_linux.cc",
          "native/link_linux.cc"]
      }],
      ["OS=='freebsd'", { "sources": ["native/kernel_dragonfly.cc", "native/interface_dragonfly.cc"] }]
    ]
  }]
}

// Loaded before the switch: the system's name, by which it chooses the title that ps(1) shows on DragonFly.
const os = require("node:os")
os.type = () => "DragonFly"
require("node:module").syncBuiltinESMExports()

import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/integration/guests/Announcement.ts"],
    // Much of the time is spent in waiting for guests to boot and for clocks: two files at a time, whatever the machine
    // has. More would have guests, daemons and floods take the processor from each other.
    minWorkers: 2,
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000
  }
})

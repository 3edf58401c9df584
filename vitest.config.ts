import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/integration/guests/Announcement.ts"],
    // Guests, daemons and floods share two cores: files one at a time keep the figures they print honest.
    fileParallelism: false,
    testTimeout: 30_000,
    hookTimeout: 60_000
  }
})

// The browser of the machine: Debian's Chromium, or any other one that is called like it.
import { spawnSync } from "node:child_process";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** How Playwright starts it. It shows files of this checkout only, and as root it has no sandbox. */
export function browser() {
  for (const name of NAMES) {
    const found = spawnSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" });
    if (found.status === 0) return { executablePath: found.stdout.trim(), args: ["--no-sandbox"] };
  }
  throw new Error(`none of ${NAMES.join(", ")} is installed: make install`);
}

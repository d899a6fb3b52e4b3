// Starts the gateway once while the image is built, on an empty state of its own. It proves
// that this release serves on this Node.js (neither npm nor --version does), and it leaves the
// compiled modules in NODE_COMPILE_CACHE, so that every start on an instance is faster.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PORT = 18789;
const DEADLINE = Date.now() + 150_000;

const state = mkdtempSync(join(tmpdir(), "first-start-"));
const gateway = spawn(
  "openclaw",
  ["gateway", "run", "--allow-unconfigured", "--bind", "loopback", "--auth", "none"],
  {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, OPENCLAW_STATE_DIR: state, OPENCLAW_SKIP_CHANNELS: "1" },
  },
);
const ended = new Promise((resolve) => gateway.once("exit", (code) => resolve(code ?? -1)));

async function isReady() {
  try {
    const answer = await fetch(`http://127.0.0.1:${PORT}/readyz`);
    return (await answer.json()).ready === true;
  } catch {
    return false;
  }
}

let ready = false;
while (!ready && gateway.exitCode === null && gateway.signalCode === null && Date.now() < DEADLINE) {
  await new Promise((resolve) => setTimeout(resolve, 250));
  ready = await isReady();
}
// the compile cache is written when the process ends by itself, not when it is killed
gateway.kill("SIGTERM");
const status = await Promise.race([
  ended,
  new Promise((resolve) => setTimeout(resolve, 30_000, "none")),
]);
if (status === "none") gateway.kill("SIGKILL");
rmSync(state, { recursive: true, force: true });
console.log(ready ? "clawbot: gateway was ready" : `clawbot: gateway was never ready, exit ${status}`);
process.exit(ready ? 0 : 1);

// Starts the gateway once during the image build, with an empty state directory. It proves that
// this release runs on this Node.js (npm and --version do not), and it leaves the compiled modules
// in NODE_COMPILE_CACHE, so that every start on an instance is faster.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PORT = 18789;
// OpenClaw gives its own workers 5 s to start, which a busy machine sometimes exceeds
const TRIES = 3;
const TRY_MS = 150_000;
const STOP_MS = 30_000;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms, "none"));

async function isReady() {
  try {
    const answer = await fetch(`http://127.0.0.1:${PORT}/readyz`);
    return (await answer.json()).ready === true;
  } catch {
    return false;
  }
}

async function start() {
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
  const deadline = Date.now() + TRY_MS;
  let ready = false;
  while (!ready && gateway.exitCode === null && gateway.signalCode === null && Date.now() < deadline) {
    await pause(250);
    ready = await isReady();
  }
  // Node.js writes the compile cache on a regular exit only, not when killed
  gateway.kill("SIGTERM");
  const status = await Promise.race([ended, pause(STOP_MS)]);
  if (status === "none") {
    gateway.kill("SIGKILL");
    await ended;
  }
  rmSync(state, { recursive: true, force: true });
  console.log(ready ? "clawbot: gateway was ready" : `clawbot: gateway was never ready, exit ${status}`);
  return ready;
}

// each try reuses the modules that the previous one compiled
for (let left = TRIES; left > 0; left -= 1) {
  if (await start()) process.exit(0);
}
process.exit(1);

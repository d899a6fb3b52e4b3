"""Faults that prevent a share from being mounted, or make a mounted share unusable.

On a machine with only the agent: the stage "share" can be tested without a gateway, which would
take minutes to start on an emulated processor.
"""

import json
import subprocess
import time
from dataclasses import dataclass
from typing import Any, Final

from tests.bench import files, product
from tests.bench.bench import REPOSITORY
from tests.bench.cache import Cache
from tests.bench.errors import BenchError
from tests.bench.product_vm import KEY_SECRET, BotVms
from tests.bench.vm.machine import Vm
from tests.drills.report import Report

_CONFIG: Final = "/etc/clawbot/config.yaml"
_SHARE: Final = "/srv/clawbot/share"
_INSIDE: Final = "/opt/clawbot-delivery"
_BOOT_SECONDS: Final = 600.0
_INSTALL_SECONDS: Final = 900.0
# a plan of one stage: an emulated processor needs most of it to start the interpreter
_PLAN_SECONDS: Final = 90.0
_BACK_SECONDS: Final = 60.0
# attributes are cached for 30 s (actimeo), and a silent server is detected after echo_interval
_FORGET_SECONDS: Final = 35.0


@dataclass(slots=True)
class _Bot:
    """A machine with the agent, and the drill's report."""

    bots: BotVms
    vm: Vm
    report: Report

    def plan(self) -> dict[str, Any]:
        """Return the stage in `plan`, which must end in time."""
        began = time.monotonic()
        argv = ("clawbot-agent", "plan", "--stage", "share", "--json")
        done = self.vm.exec(argv, timeout=_PLAN_SECONDS * 3)
        seconds = time.monotonic() - began
        promise = f"a plan ends within {_PLAN_SECONDS:.0f} s: {seconds:.0f} s"
        self.report.demand(kept=seconds < _PLAN_SECONDS, promise=promise)
        (stage,) = json.loads(done.stdout)["stages"]
        found: dict[str, Any] = stage
        return found

    def run(self) -> dict[str, Any]:
        """Return the stage in the status of `run`."""
        done = self.vm.exec(("clawbot-agent", "run", "--stage", "share", "--json"), timeout=600)
        stages = {stage["name"]: stage for stage in json.loads(done.stdout)["stages"]}
        found: dict[str, Any] = stages["share"]
        return found

    def expect(self, what: str, code: str, found: dict[str, Any]) -> None:
        """Demand an error with this code; "" for none."""
        error = found["error"] or {"code": "", "message": found["reason"]}
        self.report.figure(what, f"{error['code'] or 'fine'}: {error['message']}")
        self.report.demand(kept=error["code"] == code, promise=f"{what}: {code or 'no error'}")

    def reconfigure(self, *, share: str = files.SHARE, key_secret: bool = True) -> None:
        """Configure another share or source of the key, and unmount."""
        self.vm.exec(f"umount {_SHARE}", timeout=60)
        lines = self.bots.configuration(share=share).splitlines(keepends=True)
        text = "".join(line for line in lines if key_secret or "key_secret" not in line)
        self.vm.exec(f"cat > {_CONFIG}", stdin=text)


def mount_faults(bots: BotVms, report: Report) -> None:
    """Mount, then inject one fault after another; each has its own code and is gone afterwards."""
    vm = bots.bench.vms.boot("mount", custom_data=b"#cloud-config\n{}\n", disk=bots.baked())
    bot = _Bot(bots, vm, report)
    vm.wait_for_ssh(timeout=_BOOT_SECONDS)
    _install(bot)
    bot.expect("first run", "", bot.run())
    again = bot.run()
    report.demand(kept=again["state"] == "unchanged", promise="a second run changes nothing")
    _outages(bot)
    _wrong_names_and_keys(bot)
    _useless_mounts(bot)
    vm.delete()


def _install(bot: _Bot) -> None:
    archive, _ = product.release(Cache(bot.bots.bench.cache_dir))
    bot.vm.exec(f"mkdir -p {_INSIDE} /etc/clawbot")
    target = f"{bot.vm.name}:{_INSIDE}/"
    sources = (str(archive), str(REPOSITORY / "bootstrap.sh"))
    argv = ("scp", "-q", "-F", str(bot.vm.ssh_config), *sources, target)
    subprocess.run(argv, check=True, timeout=_INSTALL_SECONDS)
    bot.reconfigure()
    command = f"sh {_INSIDE}/bootstrap.sh --no-start {_INSIDE}/{archive.name}"
    done = bot.vm.exec(command, timeout=_INSTALL_SECONDS)
    if done.returncode != 0:
        msg = f"bootstrap.sh exited {done.returncode}: {done.stdout}{done.stderr}"
        raise BenchError(msg)


def _outages(bot: _Bot) -> None:
    """Outages of a mounted share: nothing hangs or is unmounted, and it recovers by itself."""
    server = bot.bots.bench.files
    kinds = {
        "SHARE_SERVER_UNREACHABLE": (server.stop, server.start),
        "SHARE_PORT_BLOCKED": (server.block, server.unblock),
        "SHARE_HUNG": (server.freeze, server.thaw),
    }
    for code, (begin, end) in kinds.items():
        begin()
        try:
            time.sleep(_FORGET_SECONDS)
            bot.expect(f"mounted, {begin.__name__}", code, bot.plan())
        finally:
            end()
        began = time.monotonic()
        back = bot.vm.exec(f"ls {_SHARE}", timeout=180).returncode == 0
        seconds = time.monotonic() - began
        bot.report.figure(f"back after {end.__name__}", seconds)
        good = back and seconds < _BACK_SECONDS
        bot.report.demand(kept=good, promise=f"back within {_BACK_SECONDS:.0f} s")
        found = bot.plan()
        bot.report.demand(kept=found["verdict"] == "unchanged", promise="the plan is empty")


def _wrong_names_and_keys(bot: _Bot) -> None:
    """Faults of a share that is not mounted."""
    bot.reconfigure(share="nosuch")
    bot.expect("no such share", "SHARE_NOT_FOUND", bot.run())
    bot.reconfigure()
    key = bot.bots.bench.files.change_key()
    bot.expect("Key Vault has the old key", "SHARE_KEY_WRONG", bot.run())
    bot.bots.bench.azure.set("keyvault", secrets={KEY_SECRET: key})
    bot.expect("Key Vault has the new key", "", bot.run())
    bot.reconfigure(key_secret=False)
    bot.vm.exec("rm -f /etc/smbcredentials/*")
    bot.bots.bench.azure.set("arm", forbidden_for=10.0)
    bot.expect("key from listKeys, with the role ten seconds late", "", bot.run())


def _useless_mounts(bot: _Bot) -> None:
    """Faults of a mounted share that refuses requests."""
    server = bot.bots.bench.files
    server.change_key()
    server.stop()
    server.start()
    time.sleep(_FORGET_SECONDS)
    bot.expect("key rotated under the mount", "", bot.run())
    directory = server.directory()
    old = directory.with_name(f"{directory.name}.old")
    mode = directory.stat().st_mode & 0o7777
    directory.rename(old)
    directory.mkdir(mode=mode)
    time.sleep(_FORGET_SECONDS)
    bot.expect("share deleted and recreated", "", bot.run())

"""`make demo-vm`: power on a virtual machine that turns into a bot without further action."""

import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

from tests.bench import azure, host_setup, product
from tests.bench.bench import REPOSITORY, Bench
from tests.bench.errors import BenchError
from tests.bench.heartbeat import heartbeat, say, step
from tests.bench.product_vm import BotVms, health, wait_healthy
from tests.bench.vm.machine import Vm

NAME: Final = "demo-vm"
MACHINE: Final = "bot0"
# without hardware acceleration, and with a container image that must be built first
_WITHIN: Final = 3600.0
_FOLLOW_SECONDS: Final = 0.5
_TOLD: Final = re.compile(r"(clawbot |bootstrap: |cloud-init\[).*")


def main(*, baked: bool) -> int:
    """Run the demonstration; return 0 if the bot is healthy and its configuration is applied."""
    bench = Bench(NAME, machine=False, say=say)
    try:
        with step("host packages for the release"):
            host_setup.ensure((*azure.HOST_PACKAGES, *product.HOST_PACKAGES))
        with heartbeat("removing the remains of an earlier bench"):
            bench.down()
        bench.up()
        bots = BotVms(bench)
        with step("release"):
            bots.publish()
        with heartbeat("copying the container image to the share"):
            seeded = bots.seed_images()
        say(f"container image: {'on the share' if seeded else 'built by the instance'}")
        seconds = _boot(bots, baked=baked)
        with heartbeat("keeping the container image for the next bench"):
            bots.keep_images()
        vm = bench.vms.get(MACHINE)
        say(f"\nhealthy {seconds:.0f} s after power-on\n")
        with heartbeat("checking the bot from inside"):
            code = _show(vm)
    except BenchError as error:
        print(f"demo-vm: {error}", file=sys.stderr)
        return 1
    print(
        f"""
next steps:
  make exec-vm CMD='clawbot-agent status'
  make exec-vm CMD='journalctl -u clawbot-lease'
  less {vm.console.relative_to(REPOSITORY)}
  http://{vm.address}/
  make down"""
    )
    return code


def _boot(bots: BotVms, *, baked: bool) -> float:
    """Boot it and print its serial console; return the seconds until it is healthy."""
    began = time.monotonic()
    with heartbeat("making the disk and powering on"):
        vm = bots.boot(MACHINE, baked=baked)
    say("power on; serial console:")
    over = threading.Event()
    with heartbeat("waiting for the bot to be healthy") as heard:
        follower = threading.Thread(target=_follow, args=(vm, began, over, heard))
        follower.start()
        try:
            wait_healthy(vm, within=_WITHIN)
        finally:
            over.set()
            follower.join()
    return time.monotonic() - began


def _follow(vm: Vm, began: float, over: threading.Event, heard: Callable[[], None]) -> None:
    position = 0
    while not over.is_set():
        over.wait(_FOLLOW_SECONDS)
        if not vm.console.exists():
            continue
        with vm.console.open(errors="replace") as console:
            console.seek(position)
            text = console.read()
            position = console.tell()
        for line in text.splitlines():
            if told := _TOLD.search(line):
                say(f"{time.monotonic() - began:6.0f} s  {told[0][:150]}")
                heard()


def _show(vm: Vm) -> int:
    vm.wait_for_ssh()
    for command in ("cloud-init status --long", "cloud-id", "clawbot-agent status"):
        done = vm.exec(command, timeout=120)
        print(f"$ {command}\n{done.stdout}{done.stderr}", flush=True)
    print(f"reports to the wire server: {[report['state'] for report in vm.health()]}")
    print(f"GET http://{vm.address}/health: {health(vm)}\n", flush=True)
    suite = ("tests/machine/finished", f"--hosts=ssh://{vm.name}", f"--ssh-config={vm.ssh_config}")
    argv = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *suite)
    return subprocess.run(argv, cwd=REPOSITORY, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(baked="--baked" in sys.argv[1:]))

"""Another process holds a lock of apt, or dpkg was interrupted."""

from tests.support.bot import Bot

# holds a lock of the kind that apt uses (fcntl) for some seconds
HOLD = """
import fcntl, sys, time
file = open(sys.argv[1], "w")
fcntl.lockf(file, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""


def _hold(bot: Bot, path: str, seconds: int) -> None:
    (bot.bench.root / "root/hold.py").write_text(HOLD)
    # the pipe closes once the lock is held
    bot.sh(
        f"mkfifo -m 600 /run/held; setsid python3 /root/hold.py {path} {seconds} >/run/held 2>&1 &"
        ' read said </run/held; rm /run/held; test "$said" = held'
    )


def test_run_waits_for_the_lists_lock_and_names_the_holder(bot: Bot) -> None:
    bot.sh("dpkg --purge --force-depends busybox-static")
    seen = len(bot.events())
    _hold(bot, "/var/lib/apt/lists/lock", 8)
    run = bot.run()
    assert run.document["result"] == "converged"
    assert run.stage("apt")["attempts"] > 1
    waited = [e for e in bot.events()[seen:] if e["event"] == "stage.waiting"]
    assert {e["code"] for e in waited} == {"APT_LOCK_HELD"}
    assert "hold.py" in waited[0]["text"]


def test_interrupted_dpkg_is_completed(bot: Bot) -> None:
    """As after a power cut between unpacking and configuring."""
    bot.sh(
        "cd /root && apt-get download -q jq && dpkg --unpack jq_*.deb && rm jq_*.deb", timeout=120
    )
    assert "unpacked" in bot.sh("dpkg-query -W -f '${db:Status-Status}' jq")
    run = bot.run()
    assert run.document["result"] == "converged"
    assert bot.sh("dpkg-query -W -f '${db:Status-Status}' jq") == "installed"

import re
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.constants import HEALTH_PORT as SIDECAR_PORT
from clawbot_agent.features.caddy.actions import ServeCaddyfile, served_digest
from clawbot_agent.features.caddy.caddyfile import LIVE, Caddyfile, caddyfile, domain_of
from clawbot_agent.features.caddy.errors import (
    CaddyfileInvalidError,
    CaddyReloadFailedError,
    PortInUseError,
)
from clawbot_agent.features.caddy.stage import CaddyFacts, CaddyStage
from clawbot_agent.health.app import PUBLIC_PATH
from clawbot_agent.host.commands import CommandMissingError, CommandTimeoutError
from tests.fakes import FakeFiles, FakeRun, a_config, fake_host

STAGE: Final = CaddyStage()
CONFIG: Final = a_config()
WITH_DOMAIN: Final = a_config(caddy={"domain": "bot.example.org", "email": "ops@example.org"})
PLAIN: Final = caddyfile(domain=None, email=None)
HTTPS: Final = caddyfile(domain="bot.example.org", email="ops@example.org")
OVERRIDE: Final = Path("/etc/systemd/system/caddy.service.d/clawbot.conf")
WITHOUT: Final = CaddyFacts(
    text=None, override=None, installed=False, running=False, enabled=False, served=None
)
_RESTART: Final = "# written by clawbot-agent\n[Unit]\nStartLimitIntervalSec=0\n\n[Service]\n"
DONE: Final = CaddyFacts(
    text=PLAIN.text,
    override=f"{_RESTART}Restart=always\nRestartSec=1\n",
    installed=True,
    running=True,
    enabled=True,
    served=PLAIN.digest,
)
ADD: Final = f"write {OVERRIDE} (restart Caddy when it ends)"


@pytest.mark.parametrize(
    ("found", "config", "summaries"),
    [
        (DONE, CONFIG, ()),
        (
            WITHOUT,
            CONFIG,
            (ADD, f"write {LIVE} (comes with the stage apt), then enable caddy.service"),
        ),
        (
            replace(DONE, text=":80\n", running=False, served=None),
            CONFIG,
            (f"write {LIVE} (it differs), then enable caddy.service",),
        ),
        (
            replace(DONE, text=None),
            CONFIG,
            (f"write {LIVE} (missing), then reload caddy.service",),
        ),
        (DONE, WITH_DOMAIN, (f"write {LIVE} (it differs), then reload caddy.service",)),
        (
            replace(DONE, text=":80\n", served=None),
            CONFIG,
            (f"write {LIVE} (it differs), then restart caddy.service",),
        ),
        (
            replace(DONE, served="0123"),
            CONFIG,
            ("reload caddy.service (it runs with other settings)",),
        ),
        (
            replace(DONE, served=None),
            CONFIG,
            ("restart caddy.service (it does not respond)",),
        ),
        (
            replace(DONE, running=False, served=None),
            CONFIG,
            ("enable caddy.service (not running)",),
        ),
        (
            replace(DONE, enabled=False),
            CONFIG,
            ("enable caddy.service (it would not start at boot)",),
        ),
        (replace(DONE, override=None), CONFIG, (ADD,)),
    ],
    ids=[
        "converged",
        "bare",
        "just installed",
        "file deleted",
        "another domain",
        "another file, not listening on the admin socket",
        "crashed between write and reload",
        "started with another file",
        "stopped",
        "not at boot",
        "not restarted",
    ],
)
def test_plan(found: CaddyFacts, config: BotConfig, summaries: tuple[str, ...]) -> None:
    assert tuple(a.summary for a in STAGE.plan(found, config).actions) == summaries


def test_the_reason_names_what_is_served() -> None:
    assert STAGE.plan(DONE, CONFIG).reason == "serves port 80 with the agent's Caddyfile"


# --- the file ---------------------------------------------------------------------


def test_plain_http_has_no_email_address_and_no_hsts() -> None:
    assert "\n:80 {\n" in PLAIN.text
    assert "email" not in PLAIN.text
    assert "Strict-Transport-Security" not in PLAIN.text


def test_a_domain_has_automatic_https_and_hsts() -> None:
    assert "\nbot.example.org {\n" in HTTPS.text
    assert "\n\temail ops@example.org\n" in HTTPS.text
    assert "Strict-Transport-Security" in HTTPS.text


def test_the_file_contains_its_digest_and_drops_identity_headers() -> None:
    assert f"vars clawbot_caddyfile {PLAIN.digest}\n" in PLAIN.text
    assert PLAIN.digest != HTTPS.digest
    dropped = re.findall(r"header_up -(\S+)", PLAIN.text)
    assert {"Forwarded", "X-Real-Ip", "X-Forwarded-User", "Tailscale-*"} <= set(dropped)
    assert not {"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"} & set(dropped)


@pytest.mark.parametrize(("file", "ways"), [(PLAIN, 1), (HTTPS, 2)], ids=["plain", "with a domain"])
def test_the_sidecar_answers_health_requests(file: Caddyfile, ways: int) -> None:
    """By address and by name; OpenClaw's page at that path would show its own state only."""
    snippet = file.text.partition("(health) {")[2].partition("\n}\n")[0]
    assert "handle /health {" in snippet
    assert f"rewrite * {PUBLIC_PATH}\n" in snippet
    assert f"reverse_proxy 127.0.0.1:{SIDECAR_PORT} {{" in snippet
    assert file.text.count("import health\n") == ways
    assert ("\nhttp:// {\n" in file.text) == (ways == 2)


@pytest.mark.parametrize(("domain", "ways"), [(None, 1), ("bot.example.org", 2)])
def test_browsers_get_the_progress_page_while_the_gateway_is_down(
    domain: str | None, ways: int
) -> None:
    """Also on port 80 with a domain, which may have no certificate yet."""
    text = caddyfile(domain=domain, email=None).text
    assert text.count("import progress\n") == ways
    snippet = text.partition("(progress) {")[2].partition("\n}\n")[0]
    # a program must not mistake the page for the bot
    assert "copy_response 503" in snippet
    assert "*text/html*" in snippet


@pytest.mark.parametrize("domain", [None, "bot.example.org"])
def test_the_progress_page_can_be_disabled(domain: str | None) -> None:
    text = caddyfile(domain=domain, email=None, progress_page=False).text
    assert "progress" not in text
    assert "visitors" not in text
    off = a_config(caddy={"domain": domain, "progress_page": False})
    (action,) = STAGE.plan(replace(DONE, text=None), off).actions
    assert isinstance(action, ServeCaddyfile)
    assert action.wanted.text == text


def test_domain_is_read_from_the_file() -> None:
    assert domain_of(PLAIN.text) is None
    assert domain_of(HTTPS.text) == "bot.example.org"
    assert domain_of("") is None


# --- the server -------------------------------------------------------------------


def test_served_digest_is_read_from_the_admin_socket() -> None:
    run = FakeRun()
    run.answer("curl", stdout=f'{{"handler":"vars","clawbot_caddyfile":"{PLAIN.digest}"}}')
    run.answer("curl", stdout='{"admin":{}}')
    run.answer("curl", returncode=7)
    run.fail("curl", error=CommandMissingError("curl: No such file or directory"))
    host = fake_host(run=run)
    assert [served_digest(host) for _ in range(4)] == [PLAIN.digest, "", None, None]


class Machine:
    """Caddy installed and running, on a machine of fakes."""

    def __init__(self, *, running: bool = True) -> None:
        self.run, self.files = FakeRun(), FakeFiles()
        self.files.put(LIVE, "old\n")
        self.run.unit("caddy.service", active="active" if running else "inactive")
        self.host = fake_host(run=self.run, files=self.files)

    def caddy(self, verb: str, *, returncode: int = 0, stderr: str = "") -> None:
        """Set the next result of `caddy VERB`."""
        user = ("setpriv", "--reuid", "caddy", "--regid", "caddy", "--clear-groups")
        self.run.answer(*user, "caddy", verb, returncode=returncode, stderr=stderr)

    def serves(self, digest: str) -> None:
        """Set the digest that the server reports."""
        self.run.answer("curl", stdout=f'"clawbot_caddyfile":"{digest}"')

    def verbs(self) -> list[str]:
        """Return the verbs of caddy and systemctl in the order of their calls."""
        argvs = self.run.argvs
        at = {"caddy": 7, "systemctl": 1}
        return [argv[at[name]] for argv in argvs for name in at if name in argv[: at[name]]]

    def texts(self) -> dict[str, str | None]:
        """Return the text of each file in Caddy's directory."""
        names = self.files.list(LIVE.parent)
        return {name: self.files.read_text(LIVE.parent / name) for name in names}


def serve(verb: str = "reload", wanted: Caddyfile = PLAIN) -> ServeCaddyfile:
    return ServeCaddyfile(wanted, "old\n", verb, (80,), "test")


def test_a_valid_file_becomes_live_and_the_previous_one_is_kept() -> None:
    machine = Machine()
    machine.caddy("validate")
    machine.caddy("reload")
    machine.serves(PLAIN.digest)
    serve().apply(machine.host)
    assert machine.texts() == {"Caddyfile": PLAIN.text, "Caddyfile.previous": "old\n"}
    assert machine.verbs() == ["validate", "reload"]


def test_an_invalid_file_changes_nothing() -> None:
    machine = Machine()
    machine.caddy("validate", returncode=1, stderr='{"level":"info"}\nError: line 3: no\n')
    with pytest.raises(CaddyfileInvalidError, match=r"^line 3: no$"):
        serve().apply(machine.host)
    assert machine.texts() == {"Caddyfile": "old\n"}
    assert machine.verbs() == ["validate"]


def test_a_file_that_the_server_rejects_is_undone() -> None:
    machine = Machine()
    machine.caddy("validate")
    machine.caddy("reload", returncode=1, stderr="Error: cannot bind\n")
    machine.caddy("reload")
    machine.run.answer("ss")
    with pytest.raises(CaddyReloadFailedError, match="cannot bind"):
        serve().apply(machine.host)
    texts = machine.texts()
    assert (texts["Caddyfile"], texts["Caddyfile.refused"]) == ("old\n", PLAIN.text)
    assert machine.verbs() == ["validate", "reload", "reload"]


def test_a_server_that_keeps_the_old_file_is_an_error() -> None:
    machine = Machine()
    machine.caddy("validate")
    machine.caddy("reload")
    machine.serves("0ld")
    machine.run.answer("ss")
    with pytest.raises(CaddyReloadFailedError, match="serves another file"):
        serve().apply(machine.host)
    assert machine.texts()["Caddyfile"] == "old\n"


def test_the_process_on_the_port_is_named_and_the_file_is_kept() -> None:
    machine = Machine(running=False)
    machine.caddy("validate")
    machine.run.answer("systemctl", "enable", returncode=1, stderr="Job failed")
    machine.run.answer("journalctl", stdout="bind: address already in use")
    row = 'LISTEN 0 5 0.0.0.0:80 0.0.0.0:* users:(("nginx",pid=71,fd=3),("nginx",pid=72,fd=3))'
    machine.run.answer("ss", stdout=f"{row}\n")
    with pytest.raises(PortInUseError, match=r"port 80: used by nginx \(pid 71\)"):
        serve("enable").apply(machine.host)
    assert machine.texts()["Caddyfile"] == PLAIN.text


def test_a_busy_server_is_not_restarted() -> None:
    run, files = FakeRun(), FakeFiles()
    run.unit("caddy.service")
    files.put(LIVE, PLAIN.text)
    run.answer("curl", returncode=28)
    run.answer("curl", returncode=28)
    run.answer("curl", stdout=f'"clawbot_caddyfile":"{PLAIN.digest}"')
    assert STAGE.probe(fake_host(run=run, files=files), CONFIG).served == PLAIN.digest


def test_a_server_that_does_not_respond_is_restarted() -> None:
    run, files = FakeRun(), FakeFiles()
    run.unit("caddy.service")
    files.put(LIVE, PLAIN.text)
    files.put(OVERRIDE, DONE.override or "")
    run.answer("curl", returncode=28)
    plan = STAGE.look(fake_host(run=run, files=files), CONFIG)
    assert [action.summary for action in plan.actions] == [
        "restart caddy.service (it does not respond)"
    ]


def test_a_validation_that_hangs_leaves_no_candidate() -> None:
    machine = Machine()
    machine.run.fail("setpriv", error=CommandTimeoutError("caddy: stopped after 30 s"))
    with pytest.raises(CommandTimeoutError):
        serve().apply(machine.host)
    assert machine.texts() == {"Caddyfile": "old\n"}

"""The Docker engine, configured before its first start.

daemon.json is merged, never overwritten: the operator's keys are kept. The bridge address is
pinned because OpenClaw trusts exactly that address as its proxy.
"""

from dataclasses import dataclass
from typing import Any, Final

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.errors import ClawbotError, FailureCause
from clawbot_agent.core.paths import DAEMON_JSON
from clawbot_agent.engine.actions import Action, ChangeUnit, WriteFile
from clawbot_agent.engine.stage import Phase, Plan, Resource, Stage
from clawbot_agent.features.docker import daemon_json
from clawbot_agent.host import Host
from clawbot_agent.host.docker import DockerUnavailableError
from clawbot_agent.host.systemd import UnitFailedError

_UNIT: Final = "docker.service"
# systemd stops the gateway first, which may take 330 s to drain its sessions
_RESTART_SECONDS: Final = 420.0
_BROKEN: Final = DAEMON_JSON.with_suffix(".json.broken")


class DaemonConfigRefusedError(ClawbotError):
    """The engine does not start with the new daemon.json; the previous one is restored."""

    code = "DAEMON_CONFIG_REFUSED"
    cause = FailureCause.OPERATOR
    hint = "check that docker.bip and docker.address_pools do not overlap the instance's networks"


@dataclass(frozen=True, slots=True)
class DockerFacts:
    """The engine's state.

    Attributes:
        daemon_json: text of the file, if it exists.
        installed, running, enabled: of docker.service.
        bridge: address of the running engine's default bridge.
        pools: (base, size) of the running engine's address pools.
    """

    daemon_json: str | None
    installed: bool
    running: bool
    enabled: bool
    bridge: str | None
    pools: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class ReplaceDaemonJson:
    """Write daemon.json and restart a running engine; undone if the engine does not start."""

    text: str
    previous: str | None
    restart: bool
    why: str

    @property
    def summary(self) -> str:
        """State the reason, and whether the engine restarts."""
        tail = ", then restart docker" if self.restart else ""
        return f"write {DAEMON_JSON} ({self.why}){tail}"

    def apply(self, host: Host) -> None:
        """Write and restart; DaemonConfigRefusedError if the previous file had to be restored."""
        daemon_json.store(host, self.text)
        if not self.restart:
            return
        try:
            host.units.change("restart", _UNIT, timeout=_RESTART_SECONDS)
        except UnitFailedError as error:
            if self.previous is None:
                host.files.remove(DAEMON_JSON)
            else:
                daemon_json.store(host, self.previous)
            # systemd refuses to start a unit that failed too often in a short time
            host.units.forget_failures(_UNIT)
            host.units.change("restart", _UNIT)
            raise DaemonConfigRefusedError(error.message) from error


class DockerStage(Stage[DockerFacts]):
    """daemon.json is merged; the engine is enabled and runs with it."""

    name = "docker"
    title = "Docker engine"
    phase = Phase.BASE
    needs = ("apt",)
    locks = frozenset({Resource.DOCKER_DAEMON})
    budget = 600
    typical = 5

    def probe(self, host: Host, config: BotConfig) -> DockerFacts:
        """Read daemon.json, the unit and the running engine's networks.

        Raises:
            DockerUnavailableError: the engine runs and does not answer, which is not drift.
        """
        del config
        unit = host.units.get(_UNIT)
        info = host.docker.info() if unit.running else None
        if unit.running and info is None:
            msg = f"{_UNIT} is active, but the engine does not answer"
            raise DockerUnavailableError(msg)
        pools = (info or {}).get("DefaultAddressPools") or ()
        return DockerFacts(
            daemon_json=host.files.read_text(DAEMON_JSON),
            installed=unit.installed,
            running=unit.running,
            enabled=unit.enabled == "enabled",
            bridge=None if info is None else _gateway(host.docker.network("bridge")),
            pools=tuple((str(pool["Base"]), int(pool["Size"])) for pool in pools),
        )

    def plan(self, facts: DockerFacts, config: BotConfig) -> Plan:
        """Merge the file; restart the engine only if it runs with other settings."""
        wanted = _wanted(config)
        actions: list[Action] = []
        found, broken = daemon_json.parsed(facts.daemon_json)
        if broken and facts.daemon_json is not None:
            actions.append(WriteFile(_BROKEN, facts.daemon_json, 0o600, "not a JSON object"))
        merged = daemon_json.merged(found, wanted)
        reasons = sorted(key for key in wanted if found.get(key) != merged[key])
        if undefined := daemon_json.undefined_runtime(found):
            # the engine would not start; the stage that defines the runtime sets it again
            del merged["default-runtime"]
            reasons.append(f"default-runtime {undefined} is not defined")
        if facts.running and _is_stale(facts, config):
            reasons = reasons or ["the engine runs with different networks"]
        if broken or reasons:
            why = ", ".join(reasons)
            text = daemon_json.text_of(merged)
            actions.append(ReplaceDaemonJson(text, facts.daemon_json, facts.running, why))
        if not (facts.running and facts.enabled):
            why = "not running" if facts.installed else "installed by stage apt"
            actions.append(ChangeUnit("enable", _UNIT, why))
        return Plan(f"engine runs on bridge {config.docker.bip}", tuple(actions))


def _wanted(config: BotConfig) -> dict[str, Any]:
    return {
        "bip": config.docker.bip,
        "default-address-pools": [
            {"base": pool.base, "size": pool.size} for pool in config.docker.address_pools
        ],
        "log-driver": "json-file",
        "log-opts": {
            "max-size": config.docker.log_max_size,
            "max-file": str(config.docker.log_max_file),
        },
    }


def _is_stale(facts: DockerFacts, config: BotConfig) -> bool:
    pools = tuple((pool.base, pool.size) for pool in config.docker.address_pools)
    return facts.bridge != str(config.bridge_address) or facts.pools != pools


def _gateway(network: dict[str, Any] | None) -> str | None:
    entries = ((network or {}).get("IPAM") or {}).get("Config") or ()
    return next((str(entry["Gateway"]) for entry in entries if "Gateway" in entry), None)

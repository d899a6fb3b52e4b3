"""Programs that do not run: answers by the beginning of the command line."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.host.commands import Completed
from clawbot_agent.host.systemd import Unit

__all__ = ["Call", "FakeRun"]

_SHOW: Final = ("systemctl", "show")


@dataclass(frozen=True, slots=True)
class Call:
    """One program that was run."""

    argv: tuple[str, ...]
    timeout: float
    env: Mapping[str, str]
    stdin: str | None


Answer = Completed | ClawbotError | Callable[[Call], Completed]


@dataclass(slots=True)
class FakeRun:
    """`Run` with scripted answers; a program without a script fails the test.

    Attributes:
        calls: every program, in order.
    """

    calls: list[Call] = field(default_factory=list)
    _script: dict[tuple[str, ...], list[Answer]] = field(default_factory=dict)
    _units: dict[str, Unit] = field(default_factory=dict)

    def answer(self, *prefix: str, stdout: str = "", stderr: str = "", returncode: int = 0) -> None:
        """Have programs beginning with `prefix` end so.

        The longest prefix wins. Several answers for one prefix come in turn; the last stays.
        """
        self._script.setdefault(prefix, []).append(Completed(prefix, returncode, stdout, stderr))

    def fail(self, *prefix: str, error: ClawbotError) -> None:
        """Have programs beginning with `prefix` raise."""
        self._script.setdefault(prefix, []).append(error)

    def effect(self, *prefix: str, act: Callable[[Call], Completed | None]) -> None:
        """Have programs beginning with `prefix` do something; None means status 0."""

        def acting(call: Call) -> Completed:
            return act(call) or Completed(call.argv, 0, "", "")

        self._script.setdefault(prefix, []).append(acting)

    def unit(self, name: str, *, active: str = "active", enabled: str = "enabled") -> None:
        """Have a systemd unit; systemctl start, stop, restart, reload, enable change it."""
        self._units[name] = Unit("loaded", active, enabled)

    @property
    def argvs(self) -> list[tuple[str, ...]]:
        """The command lines, in order."""
        return [call.argv for call in self.calls]

    def __call__(
        self,
        argv: tuple[str, ...],
        *,
        timeout: float = 60,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
    ) -> Completed:
        """See `Run`."""
        call = Call(argv, timeout, dict(env or {}), stdin)
        self.calls.append(call)
        for length in range(len(argv), 0, -1):
            answers = self._script.get(argv[:length])
            if answers:
                answer = answers.pop(0) if len(answers) > 1 else answers[0]
                return _given(answer, call)
        if argv[0] == "systemctl":
            return self._systemctl(argv)
        msg = f"no script for the program {argv!r}"
        raise AssertionError(msg)

    def _systemctl(self, argv: tuple[str, ...]) -> Completed:
        if argv[:2] == _SHOW:
            unit = self._units.get(argv[2], Unit("not-found", "inactive", ""))
            text = f"LoadState={unit.load}\nActiveState={unit.active}\nUnitFileState={unit.enabled}"
            return Completed(argv, 0, text + "\n", "")
        verb, name = argv[1], argv[-1]
        found = self._units.get(name)
        if verb in {"daemon-reload", "reset-failed"}:
            return Completed(argv, 0, "", "")
        if found is None:
            return Completed(argv, 5, "", f"Unit {name} not found.")
        active = "inactive" if verb in {"stop", "disable"} else "active"
        changes = {"enable": "enabled", "disable": "disabled"}
        self._units[name] = Unit(found.load, active, changes.get(verb, found.enabled))
        return Completed(argv, 0, "", "")


def _given(answer: Answer, call: Call) -> Completed:
    if isinstance(answer, ClawbotError):
        raise answer
    if isinstance(answer, Completed):
        return Completed(call.argv, answer.returncode, answer.stdout, answer.stderr)
    return answer(call)

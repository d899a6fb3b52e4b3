"""Records: what is written is read again, and bad content never raises anything but RecordError."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawbot_agent.core.errors import FailureCause
from clawbot_agent.host.files import FileReadError
from clawbot_agent.records import lease, proof, replacement, run, shutdown, ticket
from clawbot_agent.records.event import EventLine
from clawbot_agent.records.record import Record, RecordError, RecordFile, document, parsed, text_of
from tests.fakes import FakeFiles

NOW: Final = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
PATH: Final = Path("/var/lib/clawbot/sample.json")


class _Color(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class _Part:
    name: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Sample(Record):
    text: str
    number: int = 0
    share: float = 0.0
    on: bool = False
    color: _Color = _Color.RED
    at: datetime | None = None
    part: _Part | None = None
    parts: tuple[_Part, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)

    DERIVED: ClassVar[tuple[str, ...]] = ("length",)

    @property
    def length(self) -> int:
        return len(self.text)


SAMPLE: Final = RecordFile(PATH, _Sample)
FULL: Final = _Sample(
    text="t",
    number=7,
    share=0.5,
    on=True,
    at=NOW,
    part=_Part("a", NOW),
    parts=(_Part("b"), _Part("c", NOW)),
    counts={"x": 1},
)


def sample(**keys: Any) -> str:  # noqa: ANN401 - JSON
    return json.dumps({"schema": 1, "text": "t", **keys})


def loaded(text: str) -> _Sample | None:
    files = FakeFiles()
    files.put(PATH, text)
    return SAMPLE.load(files)


def test_saved_record_is_loaded_unchanged() -> None:
    files = FakeFiles()
    SAMPLE.save(files, FULL)
    assert SAMPLE.load(files) == FULL
    assert SAMPLE.read(files) == FULL
    stat = files.stat(PATH)
    assert stat is not None
    assert stat.mode == 0o644


def test_document_has_schema_fields_and_derived_values() -> None:
    assert document(FULL) == {
        "schema": 1,
        "text": "t",
        "number": 7,
        "share": 0.5,
        "on": True,
        "color": "red",
        "at": "2026-01-02T03:04:05.678+00:00",
        "part": {"name": "a", "at": "2026-01-02T03:04:05.678+00:00"},
        "parts": [
            {"name": "b", "at": None},
            {"name": "c", "at": "2026-01-02T03:04:05.678+00:00"},
        ],
        "counts": {"x": 1},
        "length": 1,
    }


def test_absent_file_is_none_for_both() -> None:
    assert SAMPLE.load(FakeFiles()) is None
    assert SAMPLE.read(FakeFiles()) is None


def test_unknown_keys_are_ignored_and_missing_ones_have_their_default() -> None:
    assert loaded(sample(later="than this agent", part={"name": "a", "new": 1})) == _Sample(
        "t", part=_Part("a")
    )


def test_time_without_zone_is_utc() -> None:
    found = loaded(sample(at="2026-01-02T03:04:05"))
    assert found is not None
    assert found.at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_whole_number_is_a_valid_float() -> None:
    found = loaded(sample(share=3))
    assert found is not None
    assert (found.share, type(found.share)) == (3.0, float)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("\0" * 40, "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"schema": 1, "number": ' + "9" * 5000 + "}", "not JSON"),
        ("null", "not an object"),
        ("[]", "not an object"),
        ('"text"', "not an object"),
        ("{}", "schema: not 1"),
        ('{"schema": 2, "text": "t"}', "schema: not 1"),
        ('{"schema": "1", "text": "t"}', "schema: not 1"),
        ('{"schema": 1}', "text: missing"),
        (sample(text=5), "text: not of type str"),
        (sample(text=None), "text: not of type str"),
        (sample(number="7"), "number: not of type int"),
        (sample(number=True), "number: not of type int"),
        (sample(number=1.5), "number: not of type int"),
        (sample(number=2**63), "number: too large"),
        (sample(share=10**400), "share: too large"),
        (sample(share=float("nan")), "share: too large"),
        (sample(share=float("inf")), "share: too large"),
        (sample(share="0.5"), "share: not of type float"),
        (sample(on=1), "on: not of type bool"),
        (sample(color="blue"), "color: unknown value"),
        (sample(color=[]), "color: not of type _Color"),
        (sample(at="soon"), "at: not a time in ISO 8601"),
        (sample(at=5), "at: not of type datetime"),
        (sample(part=[]), "part: not an object"),
        (sample(part={"at": None}), "part.name: missing"),
        (sample(parts={"name": "a"}), "parts: not a list"),
        (sample(parts=["a"]), "parts: not an object"),
        (sample(counts=[1]), "counts: not an object"),
        (sample(counts={"x": "1"}), "counts.x: not of type int"),
        (sample(text="x" * 2**20), "longer than"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_damaged_content_is_none_for_load_and_an_error_for_read(text: str, problem: str) -> None:
    files = FakeFiles()
    files.put(PATH, text)
    assert SAMPLE.load(files) is None
    with pytest.raises(RecordError, match=problem) as raised:
        SAMPLE.read(files)
    assert str(raised.value).startswith(f"{PATH} is damaged: ")


def test_lone_surrogate_survives() -> None:
    """A name of a file that is not UTF-8 may be in a message."""
    files = FakeFiles()
    SAMPLE.save(files, _Sample("bad\udce9"))
    assert SAMPLE.load(files) == _Sample("bad\udce9")


def test_deeply_nested_unknown_key_does_not_raise() -> None:
    text = sample()[:-1] + ', "deep": ' + "[" * 5000 + "]" * 5000 + "}"
    assert loaded(text) in (None, _Sample("t"))


class _Unreadable(FakeFiles):
    error: Exception = OSError(5, "Input/output error")

    def read_text(self, path: Path) -> str | None:
        del path
        raise self.error


def test_unreadable_file_is_none_and_a_share_that_hangs_is_an_error() -> None:
    """The caller must know that the share does not answer: nothing is known about its content."""
    files = _Unreadable()
    assert SAMPLE.load(files) is None
    files = _Unreadable()
    _Unreadable.error = FileReadError("no answer")
    with pytest.raises(FileReadError):
        SAMPLE.load(files)


JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
ALL: Final = (
    run.STATUS,
    run.DURATIONS,
    run.SELF_REPAIRS,
    run.BACKOFF,
    replacement.REPLACEMENT,
    replacement.failures_file(Path("/share")),
    lease.LEASE,
    shutdown.SHUTDOWN,
    shutdown.LEAVE_REQUEST,
    ticket.TICKET,
    proof.SMOKE,
    proof.SHARE_TEST,
)


def keys_of(kind: type[Record]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with the right schema and names and any values."""
    names = list(kind.__dataclass_fields__)  # type: ignore[attr-defined]  # every record is one
    return st.fixed_dictionaries({"schema": st.just(1)}, optional=dict.fromkeys(names, JSON))


@pytest.mark.parametrize("file", ALL, ids=lambda file: file.path.name)
@given(data=st.data())
def test_no_content_makes_load_raise(file: RecordFile[Any], data: st.DataObject) -> None:
    found = data.draw(keys_of(file.kind) | JSON)
    files = FakeFiles()
    files.put(file.path, json.dumps(found))
    loaded = file.load(files)
    if loaded is not None:
        file.save(files, loaded)
        assert file.load(files) == loaded


@given(st.text() | JSON.map(json.dumps))
def test_no_line_makes_an_event_raise(text: str) -> None:
    EventLine.parsed(text)
    lease.LeaseRecord.parsed(text)


def test_every_document_has_a_path_of_its_own() -> None:
    assert len({file.path for file in ALL}) == len(ALL)


def test_cause_of_another_agent_is_uncertain() -> None:
    error = {"code": "X", "message": "m", "hint": "h", "retryable": False, "cause": "weather"}
    text = json.dumps(
        {
            "schema": 1,
            "instance_id": "i",
            "boot_id": "b",
            "agent_version": "1",
            "started": "2026-01-01T00:00:00+00:00",
            "stages": [{"name": "apt", "phase": "base", "error": error}],
        }
    )
    found = parsed(run.RunStatus, text).stage("apt").error
    assert found is not None
    assert found.cause is FailureCause.UNCERTAIN


def test_text_is_one_line_without_indent() -> None:
    assert "\n" not in text_of(FULL, indent=None)

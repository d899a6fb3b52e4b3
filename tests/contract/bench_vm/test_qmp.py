import json
import socket
import threading
from pathlib import Path

import pytest

from tests.bench.vm import qmp


@pytest.fixture
def monitor(tmp_path: Path) -> Path:
    """A stand-in for QEMU's monitor: sends an event first and refuses unknown commands."""
    path = tmp_path / "qmp"
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(str(path))
    server.listen()

    def serve() -> None:
        connection, _ = server.accept()
        with server, connection, connection.makefile("rw") as stream:
            stream.write('{"QMP": {}}\n')
            stream.flush()
            for line in stream:
                known = json.loads(line)["execute"] in {"qmp_capabilities", "query-status"}
                answer = {"return": {"ok": 1}} if known else {"error": {"desc": "what?"}}
                stream.write('{"event": "X"}\n' + json.dumps(answer) + "\n")
                stream.flush()

    threading.Thread(target=serve, daemon=True).start()
    return path


def test_answer_is_distinguished_from_events(monitor: Path) -> None:
    assert qmp.execute(monitor, "query-status") == {"ok": 1}


def test_refusal_is_an_error(monitor: Path) -> None:
    with pytest.raises(ValueError, match=r"nonsense: what\?"):
        qmp.execute(monitor, "nonsense")

import gc
import json
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from clawbot_agent.core.errors import DeadlineExceededError, InterruptedRunError
from clawbot_agent.host.docker import DockerCallError, DockerUnavailableError
from clawbot_agent.host.docker_engine import SystemDocker
from clawbot_agent.host.files import SystemFiles
from clawbot_agent.host.guarded_files import GuardedFiles
from clawbot_agent.host.isolation import Isolation
from clawbot_agent.host.limit import Limit
from tests.contract.host.conftest import Limits

# the SDK leaves the sockets of a failed opening to the garbage collector
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

VERSION = {"ApiVersion": "1.44", "Version": "29.0.0"}
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


def answer(document: object, status: str = "200 OK") -> bytes:
    body = json.dumps(document).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


def chunk(document: object) -> bytes:
    body = json.dumps(document).encode() + b"\r\n"
    return f"{len(body):x}\r\n".encode() + body + b"\r\n"


@dataclass
class Engine:
    """Answers on a socket as the Docker engine does, or falls silent.

    Attributes:
        answers: bytes by part of the request line; an ending "…" means silence after them.
        frozen: says nothing at all.
        released: set at the end, so that no thread stays.
    """

    path: Path
    answers: dict[str, bytes] = field(default_factory=dict)
    frozen: bool = False
    hang_up: bool = False
    released: threading.Event = field(default_factory=threading.Event)
    seen: list[str] = field(default_factory=list)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = Engine(tmp_path / "docker.sock", {"/version": answer(VERSION)})

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while line := self.rfile.readline().decode():
                length = 0
                while (header := self.rfile.readline().decode().lower()) not in {"\r\n", ""}:
                    if header.startswith("content-length:"):
                        length = int(header.partition(":")[2])
                self.rfile.read(length)
                made.seen.append(line.strip())
                found = next((b for part, b in made.answers.items() if part in line), None)
                if made.frozen or found is None:
                    made.released.wait(20)
                    return
                self.wfile.write(found)
                if b"chunked" in found and not found.endswith(b"0\r\n\r\n"):
                    if not made.hang_up:
                        made.released.wait(20)
                    return

    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True
        block_on_close = False

    with Server(str(made.path), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield made
        made.released.set()
        server.shutdown()
    gc.collect()


Client = Callable[[float], SystemDocker]


def unguarded(limit: Limit) -> GuardedFiles:
    """Files for a client that neither saves nor loads an image."""
    return GuardedFiles(SystemFiles(), (), limit, Isolation())


@pytest.fixture
def client(engine: Engine, limits: Limits) -> Iterator[Client]:
    made: list[SystemDocker] = []

    def make(seconds: float) -> SystemDocker:
        made.append(SystemDocker.at(engine.path, files=unguarded(limits(seconds))))
        return made[-1]

    yield make
    for docker in made:
        docker.connection.close()


@pytest.fixture(autouse=True)
def _quick() -> Iterator[None]:
    """What is tested must not take long, whatever it does."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < 16


def test_frozen_engine_before_its_first_answer(engine: Engine, client: Client) -> None:
    engine.frozen = True
    with pytest.raises(DockerUnavailableError, match="docker inspect container bot"):
        client(1).container("bot")


def test_frozen_engine_info_is_none(engine: Engine, client: Client) -> None:
    engine.frozen = True
    assert client(1).info() is None


def test_frozen_engine_after_its_first_answer(engine: Engine, client: Client) -> None:
    """The connection was made in better times."""
    engine.answers["/info"] = answer({"ServerVersion": "29.0.0"})
    docker = client(2)
    assert docker.info() == {"ServerVersion": "29.0.0"}
    engine.frozen = True
    with pytest.raises((DockerUnavailableError, DeadlineExceededError)):
        docker.start("bot")


def test_frozen_engine_in_the_middle_of_a_build(
    engine: Engine, client: Client, tmp_path: Path
) -> None:
    engine.answers["/build"] = CHUNKED + chunk({"stream": "Step 1/9"})
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    messages = client(1).build(tmp_path, tag="a:1", labels={})
    assert next(messages) == {"stream": "Step 1/9"}
    with pytest.raises(DeadlineExceededError):
        next(messages)


def test_build_can_be_interrupted(
    engine: Engine, client: Client, tmp_path: Path, canceled: threading.Event
) -> None:
    engine.answers["/build"] = CHUNKED + chunk({"stream": "npm install, silent for minutes"})
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    threading.Timer(0.3, canceled.set).start()
    with pytest.raises(InterruptedRunError):
        list(client(60).build(tmp_path, tag="a:1", labels={}))


def test_frozen_engine_with_a_container_that_does_not_end(engine: Engine, client: Client) -> None:
    """Headers come at once, the status when it ended: never. It is removed."""
    engine.answers |= {
        "/create": answer({"Id": "c1"}, "201 Created"),
        "/start": b"HTTP/1.1 204 No Content\r\n\r\n",
        "/wait": CHUNKED,
        "DELETE ": b"HTTP/1.1 204 No Content\r\n\r\n",
    }
    with pytest.raises(DockerCallError, match="not finished after 1 s"):
        client(30).run_once({"Image": "a:1"}, timeout=1)
    assert any(line.startswith("DELETE ") for line in engine.seen)


def test_absent_engine_without_a_socket(tmp_path: Path, limits: Limits) -> None:
    docker = SystemDocker.at(tmp_path / "none.sock", files=unguarded(limits(5)))
    assert docker.info() is None
    with pytest.raises(DockerUnavailableError):
        docker.container("bot")


def test_absent_engine_that_starts_later(engine: Engine, limits: Limits) -> None:
    """The next call finds it."""
    hidden = engine.path.with_name("hidden")
    engine.path.rename(hidden)
    docker = SystemDocker.at(engine.path, files=unguarded(limits(5)))
    assert docker.info() is None
    hidden.rename(engine.path)
    engine.answers["/info"] = answer({"ID": "x"})
    assert docker.info() == {"ID": "x"}
    docker.connection.close()


def test_engine_that_dies_in_the_middle_of_a_pull(engine: Engine, client: Client) -> None:
    """A stream that is cut off is the engine's absence, and no defect."""
    engine.answers["/images/create"] = CHUNKED + chunk({"status": "Pulling"})
    engine.hang_up = True
    with pytest.raises(DockerUnavailableError, match="docker pull a:1"):
        list(client(10).pull("a:1"))


def test_names_that_do_not_exist_return_none(engine: Engine, client: Client) -> None:
    missing = answer({"message": "No such object"}, "404 Not Found")
    engine.answers |= {"/containers/": missing, "/images/": missing, "/networks/": missing}
    docker = client(10)
    assert docker.container("x") is None
    assert docker.image("x") is None
    assert docker.network("x") is None


def test_refusal_contains_the_engines_message(engine: Engine, client: Client) -> None:
    engine.answers["/start"] = answer({"message": "port is already allocated"}, "500 Error")
    with pytest.raises(DockerCallError, match="docker start bot: port is already allocated"):
        client(10).start("bot")

"""Machines in another process, behind a unix socket.

Scale sets are served in a separate network namespace; machines are booted on the host.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any, Final

from tests.bench.arm.machines import InMemoryMachines, Instance, Machines, Model, Output

MACHINES_SOCKET: Final = "machines.sock"


class PluggedMachines:
    """Machines at the other end of a socket; without a listener, calls are only recorded.

    Args:
        path: of the socket.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._remembered = InMemoryMachines()

    def create(self, instance: Instance, model: Model) -> None:
        """See `Machines`."""
        self._call("create", instance, model)

    def start(self, instance: Instance) -> None:
        """See `Machines`."""
        self._call("start", instance)

    def deallocate(self, instance: Instance) -> None:
        """See `Machines`."""
        self._call("deallocate", instance)

    def restart(self, instance: Instance) -> None:
        """See `Machines`."""
        self._call("restart", instance)

    def reimage(self, instance: Instance, model: Model) -> None:
        """See `Machines`."""
        self._call("reimage", instance, model)

    def delete(self, instance: Instance) -> None:
        """See `Machines`."""
        self._call("delete", instance)

    def run_command(self, instance: Instance, script: tuple[str, ...]) -> Output:
        """See `Machines`."""
        said: Output = self._call("run_command", instance, script)
        return said

    def console(self, instance: Instance) -> bytes:
        """See `Machines`."""
        return bytes(self._call("console", instance))

    def health(self, instance: Instance) -> str:
        """See `Machines`."""
        return str(self._call("health", instance))

    def metrics(self, instance: Instance) -> str:
        """See `Machines`."""
        return str(self._call("metrics", instance))

    def address(self, instance: Instance) -> str:
        """See `Machines`."""
        return str(self._call("address", instance))

    def _call(self, name: str, *arguments: object) -> Any:  # noqa: ANN401 - what that method returns
        try:
            connection = Client(str(self._path), "AF_UNIX")
        except (FileNotFoundError, ConnectionRefusedError):
            return getattr(self._remembered, name)(*arguments)
        with connection:
            connection.send((name, arguments))
            done, value = connection.recv()
        if not done:
            raise RuntimeError(value)
        return value


@contextmanager
def plugged(path: Path, machines: Machines) -> Iterator[None]:
    """Serve these machines at the socket until the block ends; calls overlap.

    Raises:
        OSError: the path is too long for a socket (108 bytes) or not writable.
    """
    path.unlink(missing_ok=True)
    listener = Listener(str(path), "AF_UNIX")
    path.chmod(0o600)
    closing = threading.Event()
    thread = threading.Thread(target=_accept, args=(listener, machines, closing), daemon=True)
    thread.start()
    try:
        yield
    finally:
        closing.set()
        # closing the listener does not end accept(); a connection does. If the socket was removed,
        # no other process can connect either, and the thread ends with the process
        with suppress(OSError), Client(str(path), "AF_UNIX"):
            thread.join()
        with suppress(FileNotFoundError):
            listener.close()


def _accept(listener: Listener, machines: Machines, closing: threading.Event) -> None:
    while True:
        try:
            connection = listener.accept()
        except OSError:
            # the listener was closed before this thread called accept()
            if closing.is_set():
                return
            raise
        if closing.is_set():
            connection.close()
            return
        threading.Thread(target=_answer, args=(connection, machines), daemon=True).start()


def _answer(connection: "Connection[Any, Any]", machines: Machines) -> None:
    with connection, suppress(EOFError, OSError):
        name, arguments = connection.recv()
        try:
            answer = (True, getattr(machines, name)(*arguments))
        except Exception as error:  # noqa: BLE001 - the other side raises it
            answer = (False, f"{type(error).__name__}: {error}")
        connection.send(answer)

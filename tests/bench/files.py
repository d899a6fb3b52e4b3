"""Azure Files on the bench: Samba under the storage account's DNS name, with its key.

Encrypted SMB 3 with NTLMv2, as `auth: account-key` uses it; no Kerberos. Differences from Azure:
handles are durable but not persistent, so a restart of the server loses open files and locks; and
every client acts as root on the host's directory.
"""

import base64
import json
import os
import secrets
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.bench import azure, launch, outlive
from tests.bench.azure.control import Control
from tests.bench.commands import run
from tests.bench.errors import BenchError
from tests.bench.network import Network
from tests.bench.state import Process, locked

ACCOUNT: Final = azure.ACCOUNT
HOST: Final = f"{ACCOUNT}.file.core.windows.net"
SHARE: Final = "bot"
ADDRESS: Final = azure.ADDRESSES["files"]
_PORT: Final = 445
_KEY_BYTES: Final = 64
_TABLE: Final = "bench-files"
_STATE: Final = "files.json"
_START_SECONDS: Final = 10.0
_GLOBAL: Final = """\
[global]
    server role = standalone server
    netbios name = bench
    interfaces = {address}
    bind interfaces only = yes
    smb ports = {port}
    disable netbios = yes
    server min protocol = SMB3_00
    server smb encrypt = required
    server multi channel support = no
    ntlm auth = ntlmv2-only
    map to guest = never
    # the account is not a user of this host
    username map = {folder}/usermap
    load printers = no
    printcap name = /dev/null
    disable spoolss = yes
    # only SMB clients open these files: their locks and leases need not bind other processes
    kernel oplocks = no
    kernel share modes = no
    posix locking = no
    durable handles = yes
    passdb backend = tdbsam:{folder}/passdb.tdb
    private dir = {folder}/private
    lock directory = {folder}/lock
    state directory = {folder}/state
    cache directory = {folder}/cache
    pid directory = {folder}/pid
    ncalrpc dir = {folder}/ncalrpc
    log file = {folder}/smbd.log
    max log size = 0
    log level = 1
"""
_SHARE: Final = """
[{name}]
    path = {folder}/shares/{name}
    read only = {read_only}
    valid users = root
    force user = root
    create mask = 0600
    directory mask = 0700
"""


@dataclass(frozen=True, slots=True)
class Files:
    """The storage account of a running bench.

    Args:
        run_dir: of the bench.
        net: of the bench.
        azure: control of the bench's services; ARM receives the keys.
    """

    run_dir: Path
    net: Network
    azure: Control

    def create(self) -> None:
        """Create the account with a key and one share, and start the server."""
        for name in ("private", "lock", "state", "cache", "pid", "ncalrpc", "shares"):
            (self._folder / name).mkdir(parents=True)
        (self._folder / "usermap").write_text(f"root = {ACCOUNT}\n")
        self._save({"keys": [_new_key(), _new_key()], "process": None, "read_only": False})
        self.add_share(SHARE)
        self._apply_keys()
        self.start()

    def directory(self, share: str = SHARE) -> Path:
        """Return the share's directory on the host."""
        return self._folder / "shares" / share

    def add_share(self, name: str) -> Path:
        """Create another share; return its directory on the host."""
        self.directory(name).mkdir(mode=0o700)
        self._configure()
        return self.directory(name)

    def adopt(self, account: str, share: str) -> None:
        """Serve a second account name with the same keys, and create the share.

        Differs from Azure: all accounts have the same keys and the same shares.
        """
        usermap = self._folder / "usermap"
        names = usermap.read_text().split()[2:]
        if account not in names:
            usermap.write_text(f"root = {' '.join((*names, account))}\n")
        if not self.directory(share).is_dir():
            self.add_share(share)
        self.azure.set("arm", accounts={account: self._load()["keys"]})

    @property
    def key(self) -> str:
        """Return the account's first key."""
        return str(self._load()["keys"][0])

    def change_key(self) -> str:
        """Replace the first key and return the new one; open sessions continue."""
        with self._changing() as state:
            state["keys"] = [_new_key(), state["keys"][1]]
        self._apply_keys()
        return self.key

    def running(self) -> bool:
        """Return whether the server runs."""
        process = self._process()
        return process is not None and process.alive()

    def start(self) -> None:
        """Start the server; does nothing if it already runs.

        Raises:
            BenchError: it does not listen within the time limit.
        """
        if self.running():
            return
        inside = ("ip", "netns", "exec", self.net.azure_namespace)
        argv = (*inside, "smbd", "--foreground", "--no-process-group", f"--configfile={self.conf}")
        log = self._folder / "smbd.out.log"
        process = outlive.start(argv, group=self._group, log=log)
        with self._changing() as state:
            state["process"] = {"pid": process.pid, "started": process.started}
        self._wait_until_listening(process, log)

    def stop(self) -> None:
        """Kill the server: connections are reset and open files are lost."""
        launch.clear(self._group)

    def freeze(self) -> None:
        """Make the server hang: it accepts connections and does not answer."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Resume the server after `freeze`."""
        self._signal(signal.SIGCONT)

    def block(self) -> None:
        """Drop every packet to and from the share, as a firewall that blocks port 445."""
        rules = f"""
        table ip {_TABLE} {{
            chain input {{
                type filter hook input priority filter; policy accept;
                ip daddr {ADDRESS} tcp dport {_PORT} drop
            }}
            chain output {{
                type filter hook output priority filter; policy accept;
                ip saddr {ADDRESS} tcp sport {_PORT} drop
            }}
        }}
        """
        self.unblock()
        self._inside("nft", "-f", "-", stdin=rules)

    def unblock(self) -> None:
        """Remove the block, if any."""
        self._inside("nft", "delete", "table", "ip", _TABLE, check=False)

    def set_read_only(self, *, read_only: bool) -> None:
        """Refuse or allow writes; clients are forced to reconnect."""
        with self._changing() as state:
            state["read_only"] = read_only
        self._configure()
        if self.running():
            for path in (self._folder / "shares").iterdir():
                self._inside(
                    "smbcontrol", f"--configfile={self.conf}", "smbd", "close-share", path.name
                )

    def status(self) -> dict[str, Any]:
        """Return smbstatus's JSON: `sessions`, `tcons`, `open_files`, `byte_range_locks` etc."""
        argv = ("smbstatus", f"--configfile={self.conf}", "--json")
        status: dict[str, Any] = json.loads(self._inside(*argv))
        locks: dict[str, Any] = json.loads(self._inside(*argv, "--byterange"))
        return {**status, **locks}

    def sessions(self) -> list[str]:
        """Return the addresses of the clients with a session."""
        found = self.status().get("sessions", {}).values()
        return sorted(str(session["remote_machine"]) for session in found)

    def _signal(self, number: int) -> None:
        for pid in launch.members(self._group):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    @property
    def conf(self) -> Path:
        """Path of smb.conf, for smbstatus and similar tools."""
        return self._folder / "smb.conf"

    @property
    def _folder(self) -> Path:
        return self.run_dir / "files"

    @property
    def _group(self) -> str:
        return outlive.group(self.net.index, "files")

    def _configure(self) -> None:
        state, shares = self._load(), sorted((self._folder / "shares").iterdir())
        text = _GLOBAL.format(address=ADDRESS, port=_PORT, folder=self._folder)
        text += "".join(
            _SHARE.format(
                name=path.name,
                folder=self._folder,
                read_only="yes" if state["read_only"] else "no",
            )
            for path in shares
        )
        self.conf.write_text(text)
        if self.running():
            self._inside("smbcontrol", f"--configfile={self.conf}", "smbd", "reload-config")

    def _apply_keys(self) -> None:
        keys = self._load()["keys"]
        lines = f"{keys[0]}\n{keys[0]}\n"
        run("smbpasswd", "-c", str(self.conf), "-s", "-a", "root", stdin=lines)
        self.azure.set("arm", accounts={ACCOUNT: keys})

    def _wait_until_listening(self, process: Process, log: Path) -> None:
        question = ("ss", "-Htln", "src", f"{ADDRESS}:{_PORT}")
        if not _within(_START_SECONDS, lambda: bool(self._inside(*question).strip())):
            said = log.read_text(errors="replace")[-1500:]
            state = "does not listen" if process.alive() else "exited"
            msg = f"smbd {state}:\n{said}"
            raise BenchError(msg)

    def _inside(self, *argv: str, stdin: str | None = None, check: bool = True) -> str:
        return run("ip", "netns", "exec", self.net.azure_namespace, *argv, stdin=stdin, check=check)

    def _process(self) -> Process | None:
        found = self._load()["process"]
        return None if found is None else Process(**found)

    def _load(self) -> dict[str, Any]:
        try:
            state: dict[str, Any] = json.loads((self._folder / _STATE).read_text())
        except FileNotFoundError as error:
            msg = "this bench has no Azure Files: it was started with a machine"
            raise BenchError(msg) from error
        return state

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        with locked(self._folder / ".lock"):
            state = self._load()
            yield state
            self._save(state)

    def _save(self, state: Mapping[str, Any]) -> None:
        path = self._folder / _STATE
        path.with_suffix(".partial").write_text(json.dumps(state))
        path.with_suffix(".partial").replace(path)


def _new_key() -> str:
    return base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def _within(seconds: float, true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True

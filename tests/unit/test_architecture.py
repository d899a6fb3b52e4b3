"""The house stands as it was drawn: arrows one way, one door to the machine, small rooms."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = "clawbot_agent"
SOURCES: Final = ROOT / "agent" / PACKAGE

LONGEST_MODULE: Final = 300
LONGEST_STAGE: Final = 200
LONGEST_FUNCTION: Final = 40

# what a part must not import; parts that are not named here are leaves or the top
FORBIDDEN: Final = {
    "config": {"engine", "stages", "azure", "cli", "registry", "reporting", "actions"},
    "host": {"engine", "stages", "azure", "cli", "registry", "reporting", "actions", "config"},
    "azure": {"engine", "stages", "cli", "registry", "reporting", "actions", "config"},
    "engine": {"stages", "azure", "cli", "registry", "reporting"},
    "reporting": {"stages", "azure", "cli", "registry"},
    "stages": {"stages", "cli", "registry", "reporting", "engine.runner", "engine.retry"},
    "cli": {"stages", "azure"},
    "sidecar": {"stages", "azure", "cli", "registry", "actions", "engine.runner"},
    "errors": {"*"},
    "secret": {"*"},
    "paths": {"*"},
}
# what reaches around the host's ports
MACHINE: Final = frozenset(
    {
        *("subprocess", "os", "shutil", "socket", "time", "tempfile", "fcntl", "signal", "pty"),
        *("asyncio", "multiprocessing", "ctypes", "http", "urllib.request", "requests", "docker"),
        *("glob", "resource", "select", "mmap"),
    }
)
DOORS: Final = {"host"}
# module to what it may use beside the doors, with the reason
EXCEPTIONS: Final = {
    "cli.common": {"os", "signal"},  # the process's own user id and signals, not the machine's
    # to follow a file or wait for an end; these verbs have no host, to be quick
    "cli.logs": {"time"},
    "cli.status": {"time"},
}
FILE_METHODS: Final = frozenset(
    {
        *("read_text", "read_bytes", "write_text", "write_bytes", "exists", "is_file", "is_dir"),
        *("unlink", "iterdir", "glob", "rglob", "chmod", "rmdir", "symlink_to", "touch"),
    }
)


@dataclass(frozen=True, slots=True)
class Module:
    """One source file. `name` is without the package: "engine.runner"."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def part(self) -> str:
        """The room it is in: "engine"."""
        return self.name.partition(".")[0]

    def imports(self) -> Iterator[str]:
        """Full names of modules, also of those that functions import."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.path}: relative import"
                # "from package import module" imports the module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def read(path: Path) -> Module:
    name = ".".join(path.relative_to(SOURCES).with_suffix("").parts).removesuffix(".__init__")
    return Module(name, path, ast.parse(path.read_text(encoding="utf-8")))


MODULES: Final = tuple(read(path) for path in sorted(SOURCES.rglob("*.py")))
each_module = pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)


def is_within(name: str, wanted: str) -> bool:
    return name == wanted or name.startswith(f"{wanted}.")


@each_module
def test_arrows_point_one_way(module: Module) -> None:
    """Cli → engine ← stages → host, azure; stages do not know each other."""
    forbidden = FORBIDDEN.get(module.part, set())
    wrong = [
        found
        for found in (name.removeprefix(f"{PACKAGE}.") for name in own_imports(module))
        if ("*" in forbidden and not is_within(found, module.part))
        or any(is_within(found, part) for part in forbidden)
    ]
    assert wrong == []


def own_imports(module: Module) -> Iterator[str]:
    return (name for name in module.imports() if name.startswith(f"{PACKAGE}."))


def test_only_the_registry_knows_all_stages() -> None:
    knowing = {
        module.name
        for module in MODULES
        if any(is_within(name, f"{PACKAGE}.stages") for name in module.imports())
    }
    assert knowing <= {"registry"}


@each_module
def test_only_the_host_touches_the_machine(module: Module) -> None:
    """Processes, files, sockets and the clock have one door."""
    if module.part in DOORS:
        return
    allowed = EXCEPTIONS.get(module.name, set())
    wrong = [
        name
        for name in module.imports()
        if any(is_within(name, machine) for machine in MACHINE - allowed)
    ]
    assert wrong == []


@each_module
def test_only_the_host_reads_and_writes_files(module: Module) -> None:
    """`host.files` is the way; package data comes through importlib.resources."""
    if module.part in DOORS:
        return
    calls = (node.func for node in ast.walk(module.tree) if isinstance(node, ast.Call))
    wrong = [ast.unparse(call) for call in calls if touches_files(call)]
    assert wrong == []


def touches_files(call: ast.expr) -> bool:
    if isinstance(call, ast.Name):
        return call.id == "open"
    if not isinstance(call, ast.Attribute) or call.attr not in FILE_METHODS:
        return False
    receiver = ast.unparse(call.value)
    # files(…) as a function is importlib's
    return not (receiver.endswith("files") or receiver.startswith(("files(", "resources.")))


@each_module
def test_no_wall_clock(module: Module) -> None:
    """Time comes from `host.clock`, so that tests own it."""
    if module.part in DOORS:
        return
    names = {ast.unparse(node) for node in ast.walk(module.tree) if isinstance(node, ast.Attribute)}
    assert not names & {"datetime.now", "datetime.utcnow", "date.today", "datetime.today"}


@each_module
def test_modules_are_small(module: Module) -> None:
    lines = len(module.path.read_text(encoding="utf-8").splitlines())
    assert lines < (LONGEST_STAGE + 1 if module.part == "stages" else LONGEST_MODULE)


@each_module
def test_functions_are_small(module: Module) -> None:
    """Decorators and docstring included."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    found = [node for node in ast.walk(module.tree) if isinstance(node, kinds)]
    long = {
        node.name: length
        for node in found
        if (length := (node.end_lineno or 0) - node.lineno + 1) >= LONGEST_FUNCTION
    }
    assert long == {}


@each_module
def test_no_shell_and_no_assembled_commands(module: Module) -> None:
    """`shell=True` is nowhere; a program gets a tuple."""
    calls = [node for node in ast.walk(module.tree) if isinstance(node, ast.Call)]
    assert not [call for call in calls for word in call.keywords if word.arg == "shell"]
    runs = [call for call in calls if ast.unparse(call.func).endswith(("host.run", "self.run"))]
    assert not [call for call in runs if call.args and isinstance(call.args[0], ast.JoinedStr)]

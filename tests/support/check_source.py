"""Rules for the product's source beyond those of ruff and import-linter, for `make lint`.

    python -m tests.support.check_source    print findings and warnings; exit 1 on findings

- Only the machine-facing packages in `PACKAGES` and modules named `*_io` start processes, open
  files or sockets, or read the clock. All other code does so only through ports, which tests fake.
- A program receives a tuple of arguments: no shell, no command assembled from text.
- Imports are absolute.
- A module of more than 300 lines or a function of more than 60 lines is a warning.

`ALLOWED` lists exceptions with their reasons; an unused exception is a finding.
"""

import ast
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

__all__ = ["Allowed", "Checker", "Finding", "main"]

ROOT: Final = Path(__file__).resolve().parents[2]

# package to its folder and its machine-facing parts
PACKAGES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "clawbot_agent": ("agent", ("host",)),
    # to the controller, Azure is the machine
    "clawbot_controller": ("controller", ("azure",)),
}
_IO_SUFFIX: Final = "_io"
_LONGEST_MODULE: Final = 300
_LONGEST_FUNCTION: Final = 60

# modules that start processes, open files and sockets, or read the clock
MACHINE: Final = frozenset(
    {
        *("asyncio", "ctypes", "docker", "fcntl", "fileinput", "getpass", "glob", "grp"),
        *("http", "httpx", "mmap", "multiprocessing", "os", "platform", "posix", "pty", "pwd"),
        *("requests", "resource", "select", "selectors", "shutil", "signal", "socket"),
        *("socketserver", "sqlite3", "ssl", "subprocess", "tarfile", "tempfile", "time"),
        *("urllib.request", "urllib3", "webbrowser", "zipfile"),
    }
)
# methods of pathlib.Path that read or change the disk
FILE_METHODS: Final = frozenset(
    {
        *("chmod", "exists", "expanduser", "glob", "hardlink_to", "is_dir", "is_file"),
        *("is_mount", "is_symlink", "iterdir", "lchmod", "lstat", "mkdir", "read_bytes"),
        *("read_text", "readlink", "rglob", "rmdir", "samefile", "stat", "symlink_to", "touch"),
        *("unlink", "write_bytes", "write_text"),
    }
)
_CLOCKS: Final = tuple(
    f"{module}{name}"
    for module in ("", "datetime.")
    for name in ("date.today", "datetime.now", "datetime.today", "datetime.utcnow")
)
_TEXT_STARTERS: Final = frozenset(
    {"os.popen", "os.system", "subprocess.getoutput", "subprocess.getstatusoutput"}
)
_SHELLS: Final = frozenset({"sh", "bash", "dash", "/bin/sh", "/bin/bash", "/usr/bin/sh"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """An exception.

    Attributes:
        module: full name.
        rule: name of the rule.
        what: the allowed import or call.
        reason: why.
    """

    module: str
    rule: str
    what: str
    reason: str


_OWN = "the process's own user id and signals, not the machine's"
_FOLLOW = "follows a file or waits for an end; the verb creates no host, to start fast"
_ASSETS = "clawbot_controller.custom_data"
_INSTALLED = "the distribution's data files, which no resource API reaches"

ALLOWED: Final[tuple[Allowed, ...]] = (
    Allowed(module="clawbot_agent.cli.common", rule="import", what="os", reason=_OWN),
    Allowed(module="clawbot_agent.cli.common", rule="import", what="signal", reason=_OWN),
    Allowed(module="clawbot_agent.cli.logs", rule="import", what="time", reason=_FOLLOW),
    Allowed(module="clawbot_agent.cli.status", rule="import", what="time", reason=_FOLLOW),
    Allowed(
        module="clawbot_agent.azure.errors",
        rule="import",
        what="ssl",
        reason="only catches its exception; opens nothing",
    ),
    Allowed(
        module="clawbot_agent.bundle.bundle",
        rule="import",
        what="tarfile",
        reason="writes an archive in memory",
    ),
    Allowed(module=_ASSETS, rule="file", what="path.is_file", reason=_INSTALLED),
    Allowed(module=_ASSETS, rule="file", what="path.read_bytes", reason=_INSTALLED),
    Allowed(
        module="clawbot_controller.cost",
        rule="import",
        what="requests",
        reason="the public price list: no Azure client covers it",
    ),
    Allowed(
        module="clawbot_controller.operations.observe",
        rule="import",
        what="requests",
        reason="the boot diagnostics blob has a signed URL; no client needed",
    ),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One violation of a rule; a warning if the rule is about size."""

    path: Path
    line: int
    rule: str
    what: str
    hint: str
    warning: bool = False

    def __str__(self) -> str:
        """Return it in the format of compiler messages."""
        kind = "warning: " if self.warning else ""
        return f"{self.path}:{self.line}: {kind}[{self.rule}] {self.what}: {self.hint}"


@dataclass(slots=True)
class Checker:
    """Applies the rules and records the exceptions used."""

    allowed: Sequence[Allowed] = ALLOWED
    used: set[Allowed] = field(default_factory=set)

    def check(self, package: str, path: Path, text: str) -> Iterator[Finding]:
        """Yield the findings in one module; `path` is relative to the package's folder.

        Raises:
            SyntaxError: it is not valid Python.
        """
        tree = ast.parse(text)
        parts = path.with_suffix("").parts
        module = ".".join((package, *parts)).removesuffix(".__init__")
        folder, facing = PACKAGES[package]
        file = Path(folder, package, path)
        free = parts[0] in facing or parts[-1].endswith(_IO_SUFFIX)
        for finding in (*_shape(file, text, tree), *_code(file, tree, free=free)):
            if not self._allows(module, finding):
                yield finding

    def unneeded(self) -> Iterator[Finding]:
        """Yield the unused exceptions, once every module has been checked."""
        own = Path(__file__).resolve().relative_to(ROOT)
        for one in self.allowed:
            if one not in self.used:
                what = f"{one.module} no longer has {one.what}"
                yield Finding(own, 1, one.rule, what, "remove it from ALLOWED")

    def _allows(self, module: str, finding: Finding) -> bool:
        for one in self.allowed:
            if (one.module, one.rule, one.what) == (module, finding.rule, finding.what):
                self.used.add(one)
                return True
        return False


def main() -> int:
    """Check the whole product; return 0 if there are no findings."""
    checker = Checker()
    findings: list[Finding] = []
    modules = 0
    for package, (folder, _) in PACKAGES.items():
        base = ROOT / folder / package
        for path in sorted(base.rglob("*.py")):
            modules += 1
            text = path.read_text(encoding="utf-8")
            findings += checker.check(package, path.relative_to(base), text)
    findings += checker.unneeded()
    broken = sum(not finding.warning for finding in findings)
    for finding in findings:
        sys.stdout.write(f"{finding}\n")
    warnings = len(findings) - broken
    sys.stdout.write(f"{modules} modules: {broken} findings, {warnings} warnings\n")
    return 1 if broken or not modules else 0


def _shape(file: Path, text: str, tree: ast.Module) -> Iterator[Finding]:
    hint = "split it if it has two subjects"
    lines = text.count("\n")
    if lines > _LONGEST_MODULE:
        yield Finding(file, 1, "module-size", f"{lines} lines", hint, warning=True)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > _LONGEST_FUNCTION:
                what = f"{node.name} has {length} lines"
                yield Finding(file, node.lineno, "function-size", what, hint, warning=True)


def _code(file: Path, tree: ast.Module, *, free: bool) -> Iterator[Finding]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _import(file, node, free=free)
        elif isinstance(node, ast.Call):
            yield from _command(file, node)
            if not free and _touches_files(node.func):
                hint = "use host.files, or importlib.resources for the package's own data"
                yield Finding(file, node.lineno, "file", ast.unparse(node.func), hint)
        elif isinstance(node, ast.Attribute) and not free and ast.unparse(node) in _CLOCKS:
            hint = "use host.clock, so that tests can set the time"
            yield Finding(file, node.lineno, "clock", ast.unparse(node), hint)
        elif isinstance(node, ast.Tuple | ast.List):
            yield from _shell_argv(file, node)


def _import(file: Path, node: ast.Import | ast.ImportFrom, *, free: bool) -> Iterator[Finding]:
    if isinstance(node, ast.ImportFrom):
        if node.level:
            yield Finding(
                file, node.lineno, "relative-import", "." * node.level, "write the full name"
            )
            return
        # "from package import module" imports the module
        found = [f"{node.module}.{alias.name}" for alias in node.names]
    else:
        found = [alias.name for alias in node.names]
    if free:
        return
    hint = "use the host's ports, or a module named *_io next to its users"
    for name in found:
        for machine in sorted(MACHINE):
            if name == machine or name.startswith(f"{machine}."):
                yield Finding(file, node.lineno, "import", machine, hint)


def _touches_files(call: ast.expr) -> bool:
    if isinstance(call, ast.Name):
        return call.id == "open"
    if not isinstance(call, ast.Attribute):
        return False
    receiver = ast.unparse(call.value)
    if call.attr == "open":
        return receiver.startswith("Path(") or receiver in {"io", "codecs"}
    # the function files(…) is importlib's, the name `files` is the host's
    package_data = receiver.startswith(("files(", "resources."))
    return call.attr in FILE_METHODS and not (receiver.endswith("files") or package_data)


def _command(file: Path, call: ast.Call) -> Iterator[Finding]:
    hint = "pass a tuple: a program and its arguments"
    if any(word.arg == "shell" for word in call.keywords):
        yield Finding(file, call.lineno, "shell", "shell=", hint)
    name = ast.unparse(call.func)
    if name in _TEXT_STARTERS:
        yield Finding(file, call.lineno, "shell", name, hint)
    elif name.startswith("subprocess.") or name.endswith(("host.run", "self.run")):
        first = call.args[0] if call.args else None
        text = isinstance(first, ast.Constant) and isinstance(first.value, str)
        if text or isinstance(first, ast.JoinedStr | ast.BinOp):
            yield Finding(file, call.lineno, "shell", f"{name} of a text", hint)


def _shell_argv(file: Path, node: ast.Tuple | ast.List) -> Iterator[Finding]:
    """Find a shell command line with interpolation: ("sh", "-c", f"rm {path}")."""
    items = node.elts
    for index, item in enumerate(items[:-2]):
        shell, option, script = item, items[index + 1], items[index + 2]
        if not (isinstance(shell, ast.Constant) and shell.value in _SHELLS):
            continue
        is_command = isinstance(option, ast.Constant) and str(option.value).startswith("-")
        if is_command and not isinstance(script, ast.Constant | ast.Name):
            hint = "keep the script constant and pass values as its arguments ($1)"
            yield Finding(file, node.lineno, "shell", ast.unparse(script)[:40], hint)


if __name__ == "__main__":
    sys.exit(main())

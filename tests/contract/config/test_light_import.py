"""The command group must not slow down the verbs that need no configuration."""

import subprocess
import sys


def test_importing_the_commands_loads_no_heavy_library() -> None:
    code = (
        "import sys, clawbot_agent.cli.config;"
        "print(*sorted({'pydantic', 'yaml', 'azure', 'docker'} & set(sys.modules)))"
    )
    done = subprocess.run((sys.executable, "-c", code), check=True, capture_output=True, text=True)
    assert done.stdout.strip() == ""

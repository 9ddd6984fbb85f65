"""`deploy/stack exec`: a command with the settings of a stack, wherever its data are."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

STACK = Path(__file__).resolve().parents[2] / "deploy" / "stack"
SAYS = "import os, sys; print(os.environ['FORMROOM_BASE_URL'], *sys.argv[1:])"


def stack_exec(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(STACK), "exec", *arguments], capture_output=True, text=True)


def test_a_command_has_the_settings_of_the_stack_on_the_data_that_are_named(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text(json.dumps({"FORMROOM_BASE_URL": "http://127.0.0.1:8123"}))
    # Options behind the command are the command's own.
    done = stack_exec("--data", str(tmp_path), sys.executable, "-c", SAYS, "--data", "elsewhere")
    assert (done.returncode, done.stdout) == (0, "http://127.0.0.1:8123 --data elsewhere\n")


def test_where_no_stack_runs_that_and_the_remedy_are_said(tmp_path: Path) -> None:
    done = stack_exec("--data", str(tmp_path), "true")
    assert done.returncode == 64
    assert str(tmp_path) in done.stderr
    assert "make stack" in done.stderr

"""The first second: what is imported before anything is asked for, and Ctrl-C while imports run."""

import os
import subprocess
import sys

import pytest

import qeopt

INTERRUPTED = """
import os, signal, sys

class Interrupt:
    def find_spec(self, name, *rest):
        if name == {module!r}:
            sys.meta_path.remove(self)
            {how}

sys.meta_path.insert(0, Interrupt())
sys.argv[1:] = ["solve", "vww_256k"]
from qeopt.cli.app import main
main()
"""
HEAVY = "ortools pyomo highspy matplotlib onnx torch distributed pandas vl_convert altair"
SIGNAL = "os.kill(os.getpid(), signal.SIGINT)"
CONVERTED = """
            try:
                raise KeyboardInterrupt
            except KeyboardInterrupt as error:
                raise ImportError("no module") from error
"""


@pytest.mark.skipif(os.name == "nt", reason="a process there cannot send itself Ctrl-C")
@pytest.mark.parametrize(("module", "how"), [("typer", SIGNAL), ("pydantic", SIGNAL), ("numpy", SIGNAL), ("rich", CONVERTED)])
def test_ctrl_c_while_imports_run(module: str, how: str) -> None:
    script = INTERRUPTED.format(module=module, how=how)
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "interrupted\n")


@pytest.mark.parametrize(
    ("statement", "not_yet"),
    [
        ("import qeopt", "numpy pydantic rich typer"),
        ("from qeopt.cli.app import main", "numpy pydantic rich typer"),
        ("from qeopt.cli.verbs import app", "numpy pydantic"),
        ("from qeopt.cli.verbs import app; app(['--version'], standalone_mode=False)", "numpy pydantic"),
        ("from qeopt.cli.verbs import app; app(['--help'], standalone_mode=False)", HEAVY),
        ("from qeopt import *", HEAVY),
    ],
)
def test_little_is_imported_before_it_is_asked_for(statement: str, not_yet: str) -> None:
    script = f"{statement}; import sys; print([name for name in {not_yet.split()} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.splitlines()[-1] == "[]"


def test_what_the_package_exports_is_there_whatever_was_imported_before() -> None:
    script = "from qeopt.verbs.sweep import Sweep; import qeopt; print(*[getattr(qeopt, name).__name__ for name in qeopt.__all__])"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.split() == qeopt.__all__
    assert set(qeopt.__all__) <= set(dir(qeopt))
    with pytest.raises(AttributeError, match="'qeopt' has no attribute 'slove'"):
        _ = qeopt.slove  # type: ignore[attr-defined]

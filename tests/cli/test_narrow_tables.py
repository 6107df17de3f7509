"""Tables in terminals of 80 and of 60 columns, in a pipe and without colours: what each verb prints, by the letter."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import Result

from qeopt.cli.sensitivity import print_losses
from qeopt.report.console import console_for
from qeopt.runs.cost import Cost
from qeopt.training.data.dataset import Dataset, Split
from qeopt.training.loop import State
from qeopt.training.marks import Marks
from qeopt.training.recipe import Recipe
from qeopt.training.sensitivity.losses import Choice, Loss
from qeopt.training.shown import print_all, print_marks
from qeopt.training.train import Trained
from qeopt.training.tuned import print_tuned
from qeopt.training.tuning import KNOBS, Trial, Tuned

Run = Callable[..., Result]
Golden = Callable[[str, str], None]
WIDTHS = (80, 60)
QUIET = ("--quiet", "--no-pictures")
LONG = "b1.2.depthwise_with_a_name_that_is_long"
MODEL = {
    "first_conv": {"name": "ConvLayer", "kernel_size": 3, "stride": 2, "in_channels": 3, "out_channels": 16},
    "blocks": [
        {
            "mobile_inverted_conv": {
                "name": "MBInvertedConvLayer",
                "in_channels": 16,
                "out_channels": 24,
                "kernel_size": 3,
                "stride": 2,
                "expand_ratio": 3,
                "mid_channels": 48,
                "use_se": False,
            },
            "shortcut": None,
        }
    ],
    "feature_mix_layer": None,
    "classifier": {"name": "LinearLayer", "in_features": 24, "out_features": 10},
    "resolution": 32,
}


@pytest.fixture(params=WIDTHS)
def width(request: pytest.FixtureRequest, run: Run, monkeypatch: pytest.MonkeyPatch) -> int:
    """A narrow terminal; `run` takes the width of whoever runs the tests away first."""
    monkeypatch.setenv("COLUMNS", str(request.param))
    return int(request.param)


def whole(text: str, width: int, names: Sequence[str] = ()) -> str:
    """The text, after a look at its tables: no colours in a pipe, nothing wider than the terminal, no name broken."""
    assert "\x1b" not in text
    rules = [line for line in text.splitlines() if line.startswith("───")]
    assert all(len(rule) <= width for rule in rules)
    for name in names:
        assert name in text
    return text


@pytest.fixture
def narrow(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize(
    "what", ["devices stm32f7", "runtimes cmix-nn", "engines", "objectives", "exporters"], ids=lambda what: what.split()[0]
)
def test_lists(run: Run, golden: Golden, what: str) -> None:
    shown = run("list", *what.split()).stdout
    golden(f"list_{what.split(maxsplit=1)[0]}_80.txt", whole(shown, 80))


@pytest.mark.usefixtures("narrow")
def test_a_footer_speaks_of_columns_that_are_shown(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "reserves SRAM" not in run("list", "runtimes").stdout
    monkeypatch.setenv("COLUMNS", "160")
    assert "; bits are those of convolutions, reserves SRAM + flash" in run("list", "runtimes").stdout


def test_designs_and_what_is_said_of_them(run: Run, golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, sram in enumerate(("14 KiB", "16 KiB"), start=1):
        solved = run("solve", "net.yaml", "--no-pictures", "--no-baselines", "--sram", sram, "--out", f"runs/net/{number}")
        assert solved.exit_code == 0, solved.output
    for width in WIDTHS:
        monkeypatch.setenv("COLUMNS", str(width))
        names = ("runs/net/1", "runs/net/2")
        golden(f"compare_designs_{width}.txt", whole(run("compare", *names, "--no-pictures").stdout, width, names))
        golden(f"runs_{width}.txt", whole(run("runs").stdout, width, names))
        golden(f"score_{width}.txt", whole(run("score", "runs/net/1").stdout, width, ["b1.1.depthwise"]))
        golden(f"verify_{width}.txt", whole(run("verify", "runs/net/1").stdout, width))


def test_a_design_and_what_holds_it_back(run: Run, golden: Golden, width: int) -> None:
    golden(f"explain_{width}.txt", whole(run("explain", "net.yaml", "--quiet", "--out", "why").stdout, width, ["flash"]))
    solved = run("solve", "net.yaml", "--no-baselines", *QUIET, "--out", "one").stdout
    golden(f"solve_{width}.txt", whole(solved, width, ["b1.1.depthwise"]))


def test_a_model(run: Run, golden: Golden, width: int) -> None:
    Path("model.json").write_text(json.dumps(MODEL))
    budgets = ("--sram", "9KiB", "--flash", "3KiB")
    shown = run("bits", "model.json", "--runtime", "ideal", *budgets, *QUIET, "--out", "out").stdout
    golden(f"bits_{width}.txt", whole(shown, width, ["b1.depthwise"]))


def test_engines_and_devices(run: Run, golden: Golden, width: int) -> None:
    golden(f"compare_{width}.txt", whole(run("compare", "net.yaml", *QUIET, "--out", "out").stdout, width, ["cp_sat"]))
    given = ("--devices", "stm32f41", "--workers", "1", *QUIET, "--out", "boards")
    golden(f"sweep_devices_{width}.txt", whole(run("sweep", "net.yaml", *given).stdout, width, ["stm32f411", "stm32f412"]))
    one = run("sweep", "net.yaml", "--devices", "stm32f411", "--workers", "1", *QUIET, "--out", "board").stdout
    assert "net on 1 device: 1 with a design" in one


def test_a_sample_and_what_trainings_say(run: Run, golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    golden("sample_80.txt", run("sample", "tiny.yaml", "--n", "8", "--out", "drawn").stdout)
    rows = [f"{number:04}-exact,{80 + (number * 7) % 11}" for number in range(1, 9)]
    Path("results.csv").write_text("\n".join(["design,accuracy", *rows]) + "\n")
    for width in WIDTHS:
        monkeypatch.setenv("COLUMNS", str(width))
        given = ("drawn/features.csv", "results.csv", "--resamples", "100")
        told = run("correlate", *given, "--no-pictures", "--predictors", "score,macs", "--out", f"c{width}").stdout
        golden(f"correlate_{width}.txt", whole(told, width, ["score", "macs"]))


def test_a_learnt_objective(run: Run, golden: Golden, width: int) -> None:
    pytest.importorskip("scipy")
    rng = np.random.default_rng(0)
    header = "design,structure,depth,macs,score,term.layers,term.fan_in,term.macs"
    made = [f"{n:04},{n:04},{n % 4},{n * 1000},{n % 7},{n % 4},{n % 5},{n % 3}" for n in range(1, 13)]
    Path("features.csv").write_text("\n".join([header, *made]) + "\n")
    accuracies = [f"{n:04},{80 + n % 4 + rng.normal():.2f}" for n in range(1, 13)]
    Path("results.csv").write_text("\n".join(["design,accuracy", *accuracies]) + "\n")
    shown = run("fit", "features.csv", "results.csv", "--terms", "layers,fan_in", "--resamples", "100").stdout
    golden(f"fit_{width}.txt", whole(shown, width, ["layers", "fan_in"]))


CLASSES = ("a class with a name of words", "another_class_with_a_long_name", "c")


def data() -> Dataset:
    split = Split(np.zeros((12, 1, 2, 2), np.uint8), np.arange(12) % 3)
    return Dataset("digits", CLASSES, split, split)


def printed(width: int, show: Callable[[Console], None]) -> str:
    stream = io.StringIO()
    console = console_for(stream)
    assert console.width == width
    show(console)
    return stream.getvalue()


def test_trainings(golden: Golden, width: int) -> None:
    confusion = np.array([[3, 1, 0], [0, 4, 0], [2, 0, 2]])
    marks = Marks(confusion, np.zeros(12, np.int64))
    trained = [
        Trained(Recipe(seed=seed), State(None, None, 40, [(40, 0.5, 0.7)]), "cpu", Path("w.npz"), marks, marks, marks, Cost(9, 9))
        for seed in (0, 1)
    ]
    golden(f"train_{width}.txt", whole(printed(width, lambda console: print_all(console, trained, data())), width))
    shown = printed(width, lambda console: print_marks(console, marks, data(), "the model"))
    golden(f"evaluate_{width}.txt", whole(shown, width, CLASSES[1:2]))


def test_recipes_and_losses(golden: Golden, width: int) -> None:
    trials = tuple(
        Trial(
            number,
            Recipe(rate=1e-3 * (number + 1), weight_steps="tensor" if number % 2 else "channel"),
            0.9 - 0.1 * number,
            Cost(1, 1),
        )
        for number in range(3)
    )
    tuned = Tuned(trials, KNOBS, 100, 400)
    golden(f"tune_{width}.txt", whole(printed(width, lambda console: print_tuned(console, tuned, "qeopt train d --data x")), width))
    losses = [Loss(Choice(LONG, is_weights=True), bits, 0.25 / bits, 0.25 / bits, 0.001) for bits in (2, 4, 8)]
    golden(f"sensitivity_{width}.txt", whole(printed(width, lambda console: print_losses(console, losses)), width, [LONG]))

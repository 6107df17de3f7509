"""The house's words: which verb takes which of the options that several have, and what is said where one takes it not.

A test holds this table against the options that verbs really have.
"""

from __future__ import annotations

from collections.abc import Mapping

STUDIES = ("solve", "bits", "sweep", "compare", "explain", "check", "sample", "show")
"""Verbs that read a study, or make one."""
SEARCHES = ("solve", "bits", "sweep", "explain", "check", "show")
"""Those for which its search matters."""
TRAINED = ("train", "tune", "evaluate", "export", "sensitivity")
RUNS = ("solve", "bits", "sweep", "compare", "explain", "train", "tune", "evaluate", "sample", "correlate")
WORDS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("--sram", "--flash", "--latency-ms", "--fps", "--layers", "--macs", "--objective", "--runtime"), STUDIES),
    "--device": (*STUDIES, "train"),
    **dict.fromkeys(("--weight-bits", "--activation-bits"), (*STUDIES, "sensitivity", "score")),
    **dict.fromkeys(("--evaluations", "--time-limit", "--no-baselines"), SEARCHES),
    "--engine": SEARCHES,
    "--seed": (*STUDIES, "train", "tune", "sensitivity", "correlate", "fit"),
    "--weights": TRAINED,
    "--data": TRAINED,
    "--workers": ("solve", "resume", "sweep", "explain"),
    "--trials": ("tune",),
    "--calibration-batches": ("train", "tune"),
    "--calibration-method": ("export",),
    "--require-optimal": ("solve", "resume", "bits"),
    "--samples": ("compare", "sample"),
    "--input": ("bits", "export", "evaluate", "import", "score"),
    "--limit": ("train", "tune", "evaluate", "sensitivity"),
    "--resize": ("train", "tune", "evaluate", "sensitivity"),
    "--resamples": ("correlate", "fit"),
    "--no-pictures": ("solve", "resume", "bits", "sweep", "compare", "train", "evaluate", "correlate"),
    "--out": (*RUNS, "import", "export", "fit", "sensitivity"),
    "--set": (*STUDIES, "export", "score"),
    "--path": (*STUDIES, "score", "where", "new", "list"),
}
"""Verbs that take an option, by its name; `--json`, `--quiet` and `--debug` are on every verb."""
INSTEAD: Mapping[str, Mapping[str, str]] = {
    "--weights": {
        **dict.fromkeys(
            STUDIES, "bits are found without learnt weights; `qeopt bits MODEL --objective weights` goes by those in a model"
        ),
        "bits": "MODEL has its own; --objective weights goes by them",
    },
    "--data": dict.fromkeys(STUDIES, "a design is found without data; `qeopt train RUN --data DATA` trains it"),
    "--engine": {"compare": "`--engines A,B` names those to compare", "sample": "`--rules A,B` names how bits are found"},
    "--trials": dict.fromkeys(SEARCHES, "`--evaluations N` says how many structures are looked at"),
    "--no-pictures": dict.fromkeys(("explain", "sample", "fit"), "no picture is drawn"),
    "--out": {"resume": "a run goes on in its own folder", "report": "the page of a run lies in its folder"},
    "--set": {"resume": "a run goes on with the study that it was begun with", "verify": "a design is checked as it is"},
}
"""What to do where a verb does not take an option, by option and verb."""
SYNONYMS: Mapping[str, str] = {
    **dict.fromkeys(("--ram", "--memory"), "--sram"),
    "--rom": "--flash",
    **dict.fromkeys(("--latency", "--ms"), "--latency-ms"),
    "--depth": "--layers",
    **dict.fromkeys(("--bits", "--wbits"), "--weight-bits"),
    "--abits": "--activation-bits",
    **dict.fromkeys(("--board", "--chip", "--mcu", "--target"), "--device"),
    **dict.fromkeys(("--kernels", "--library"), "--runtime"),
    **dict.fromkeys(("--output", "--output-dir", "-o"), "--out"),
    **dict.fromkeys(("--timeout", "--max-time"), "--time-limit"),
    **dict.fromkeys(("--evals", "--iterations"), "--evaluations"),
    **dict.fromkeys(("--jobs", "--threads", "-j"), "--workers"),
    "--dataset": "--data",
    "--score": "--objective",
    "--random-seed": "--seed",
    **dict.fromkeys(("--silent", "-s"), "--quiet"),
    **dict.fromkeys(("--verbose", "-v", "--traceback"), "--debug"),
}
"""What people try, and what it is called here."""
SPLIT: Mapping[str, tuple[str, ...]] = {"--calibration": ("--calibration-batches", "--calibration-method")}
"""What meant different things on different verbs, and the words that each of them has now."""
EVERYWHERE = ("--json", "--quiet", "--debug")


def answer(verb: str, option: str) -> str | None:
    """What to say where `verb` was given an `option` that it does not have; None where the house does not know it either."""
    meant = SYNONYMS.get(option, option)
    if option in SPLIT:
        called = next((word for word in SPLIT[option] if verb in WORDS[word]), None)
        if called is None:
            takers = "; ".join(f"{word}: {_who_takes(WORDS[word])}" for word in SPLIT[option])
            return f"{option}: `qeopt {verb}` takes no such option: {takers}"
        meant = called
    if meant in EVERYWHERE or verb in WORDS.get(meant, ()):
        return None if meant == option else f"{option}: is called {meant} here"
    if meant not in WORDS:
        return None
    said = INSTEAD.get(meant, {}).get(verb) or _who_takes(WORDS[meant])
    called = "" if meant == option else f" (here: {meant})"
    return f"{option}{called}: `qeopt {verb}` takes no such option: {said}"


def _who_takes(verbs: tuple[str, ...]) -> str:
    return f"{', '.join(verbs[:-1])} and {verbs[-1]} take it" if len(verbs) > 1 else f"{verbs[0]} takes it"

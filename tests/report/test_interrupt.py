"""The first Ctrl-C asks, the second insists, and afterwards everything is as before."""

import os
import signal

import pytest

from qeopt.report.interrupt import GentleInterrupt

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a process there cannot send itself Ctrl-C")


def test_the_first_waits_for_a_checkpoint() -> None:
    told: list[str] = []
    with GentleInterrupt(lambda: told.append("stopping")) as interrupt:
        interrupt.checkpoint()
        os.kill(os.getpid(), signal.SIGINT)
        assert told == ["stopping"]
        with pytest.raises(KeyboardInterrupt):
            interrupt.checkpoint()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_second_stops_at_once() -> None:
    with GentleInterrupt(lambda: None):
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with GentleInterrupt(lambda: None) as interrupt:
            os.kill(os.getpid(), signal.SIGINT)
            interrupt.checkpoint()
    finally:
        signal.signal(signal.SIGINT, before)

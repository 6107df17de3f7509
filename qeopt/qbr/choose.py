"""Choose bits by the integer program alone: what is resident at each step is counted, not where it lies."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from qeopt.budgets import structural
from qeopt.hardware import Runtime
from qeopt.memory import Limits, Resources, count
from qeopt.network import Bits, Network
from qeopt.qbr.compile import Compiled, Impossible, compile_bits
from qeopt.qbr.deadline import NEVER, Deadline
from qeopt.qbr.goal import LeastUse
from qeopt.qbr.reasons import why_infeasible
from qeopt.qbr.settings import BitChoices, QbrSettings
from qeopt.score import Objective, evaluate
from qeopt_solvers import Limits as SolveLimits
from qeopt_solvers import Outcome, Row, Status
from qeopt_solvers.solve import solve
from qeopt_solvers.turned import least_use


@dataclass(frozen=True)
class Refined:
    """Bits for a network, what they use and score, and what is proven of them."""

    network: Network
    status: Status
    engine: str
    bits: Bits | None = None
    resources: Resources | None = None
    score: float | None = None
    bound: float | None = None
    """No bits for this network score higher, in nats; None where the engine proves nothing, or was asked for another goal."""
    outcome: Outcome | None = None
    reason: str = ""
    """Why there are no bits."""
    note: str = ""
    """What a reader must know of how far the proof goes."""


@dataclass(frozen=True)
class Chooser:
    """The terms under which bits are chosen, whatever the network."""

    runtime: Runtime
    limits: Limits
    choices: BitChoices
    objective: Objective
    settings: QbrSettings
    arenas: tuple[int, ...] = ()
    """Bytes of each memory that buffers may lie in, where there are several; the SRAM limit is then on all of them together."""
    deadline: Deadline = field(default=NEVER, compare=False)
    """Where engines stop, beside their own limit."""
    goal: LeastUse | None = None
    """What bits are chosen for instead of the score."""
    settles_ties: bool = True
    """Bits of the same score are told apart by flash and traffic; otherwise any of the best will do."""

    @property
    def rooms(self) -> tuple[int, ...]:
        """The arenas; with more SRAM than they have, as when asking what would be enough, the largest is larger."""
        more = (self.limits.sram_bytes or 0) - sum(self.arenas)
        largest = max(range(len(self.arenas)), key=self.arenas.__getitem__, default=0)
        return tuple(size + more * (number == largest and more > 0) for number, size in enumerate(self.arenas))

    def structural_totals(self, network: Network) -> dict[str, int]:
        """What `network` needs whatever its bits, by budget; limited or not."""
        runtime = self.runtime
        return {
            record.name: sum(int(record.cost(runtime, op, 0, 0, 0)) for op in network.ops)
            for record in structural(runtime)
            if record.cost is not None
        }

    def solve_limits(self, hint: tuple[int, ...] | None = None) -> SolveLimits:
        """Where an engine stops, and what it starts from."""
        return SolveLimits(self.deadline.seconds_left, self.settings.deterministic_limit, hint=hint)

    def compile(self, network: Network) -> Compiled | Impossible:
        """Compile the integer program of `network` under these terms."""
        return compile_bits(
            network, self.runtime, self.limits, self.choices, self.objective, self.goal, settles_ties=self.settles_ties
        )

    def choose(self, compiled: Compiled, engine: str, hint: Bits | None = None, rows: tuple[Row, ...] = ()) -> Refined:
        """Find the best bits within an integer program and further `rows`, wherever buffers may lie.

        Raises:
            EngineError: when the engine is unknown or its package is missing.
        """
        network = compiled.network
        picks = None if hint is None else compiled.picks(hint)
        problem = replace(compiled.problem, rows=compiled.problem.rows + rows) if rows else compiled.problem
        limits = self.solve_limits(picks)
        outcome = least_use(problem, compiled.costs, engine, limits) if compiled.costs else solve(problem, engine, limits)
        if outcome.picks is None:
            reason = why_infeasible(compiled, self.runtime) if outcome.status is Status.INFEASIBLE else outcome.note
            return Refined(network, outcome.status, engine, outcome=outcome, reason=reason)
        bits = compiled.bits(outcome.picks)
        return Refined(
            network,
            outcome.status,
            engine,
            bits,
            count(network, self.runtime, bits),
            evaluate(self.objective, network, bits),
            compiled.score_bound(outcome.bound),
            outcome,
            note=compiled.note,
        )

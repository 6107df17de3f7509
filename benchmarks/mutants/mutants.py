"""Small changes to core code, each of which some test of its room must notice.

A mutant that lives means that a claim of this project rests on code that no test looks at. Add one wherever a fault got through.
"""

from __future__ import annotations

from dataclasses import dataclass

COSTS, STEPS, RESOURCES = "qeopt/hardware/costs.py", "qeopt/memory/steps.py", "qeopt/memory/resources.py"
BUFFERS, ARENA = "qeopt/memory/buffers.py", "qeopt/memory/arena.py"
ROWS, LINKS, COMPILE, REPAIR = "qeopt/qbr/rows.py", "qeopt/qbr/links.py", "qeopt/qbr/compile.py", "qeopt/qbr/repair.py"
QE, SIGMA = "qeopt/score/qe.py", "qeopt/score/sigma_hat.py"
WALK, BOUNDER, RECHECK = "qeopt/relaxation/bound/walk.py", "qeopt/relaxation/bound/bounder.py", "qeopt/relaxation/bound/recheck.py"
TABULATE, TABLES = "qeopt/relaxation/cells/tabulate.py", "qeopt/relaxation/cells/tables.py"
RECOUNT, CLAIMS, DESIGN_ARENA = "qeopt/design/recount.py", "qeopt/design/claims.py", "qeopt/design/arena.py"
TWICE, BITS, SPACE = "qeopt/design/verify/consistency.py", "qeopt/design/verify/bits.py", "qeopt/design/verify/space.py"
OTHERS, MADE = "qeopt/design/verify/alternatives.py", "qeopt/design/verify/provenance.py"
SHIPPED, VERIFY = "qeopt/design/verify/hardware.py", "qeopt/design/verify/__init__.py"

OF_COSTS = ("tests/hardware/test_edges.py", "tests/hardware/test_rules.py", "tests/hardware/test_legality.py")
OF_STEPS = ("tests/memory/test_steps.py", "tests/memory/test_in_place.py")
OF_ARENA = ("tests/memory/test_arena.py", "tests/memory/test_regions.py")
OF_QBR = ("tests/qbr/test_least_code.py", "tests/qbr/test_enumeration.py", "tests/qbr/test_tightening.py")
OF_SCORE = ("tests/score/test_qe.py", "tests/score/test_sigma_hat.py", "tests/qbr/test_gains.py")
OF_BOUND = ("tests/relaxation/test_bound.py", "tests/relaxation/test_overhead.py")
OF_VERIFY = ("tests/design/test_forgeries.py", "tests/design/test_design.py")

ENERGY = "runtime.energy.picojoules.get(op.kind)\n    return 0 if formula is None else formula."
CYCLES = "runtime.timing.cycles.get(op.kind)\n    return 0 if formula is None else formula."


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change to one file."""

    file: str
    old: str
    """Text that the file holds once."""
    new: str
    """What stands there instead."""
    tests: tuple[str, ...]
    """The tests of its room, of which at least one must fail."""


MUTANTS = (
    # What operators and tensors cost
    Mutant(COSTS, ENERGY + "of(executed(runtime, op)", ENERGY + "of(op", OF_COSTS),
    Mutant(COSTS, CYCLES + "of(executed(runtime, op)", CYCLES + "of(op", OF_COSTS),
    Mutant(
        COSTS, "(*(image_channels(runtime, source) for source in op.inputs), op.output.channels)", "(op.output.channels,)", OF_COSTS
    ),
    Mutant(COSTS, "channels <= kernel.max_channels", "channels < kernel.max_channels", OF_COSTS),
    Mutant(COSTS, "return -(-size_bytes // align) * align", "return size_bytes // align * align", OF_COSTS),
    Mutant(COSTS, "return -(-bits // 8)", "return bits // 8", OF_COSTS),
    Mutant(COSTS, "return runtime.memory.packing.get(bits, bits)", "return bits", OF_COSTS),
    Mutant(COSTS, "return macs(executed(runtime, op))", "return macs(op)", OF_COSTS),
    Mutant(COSTS, "size = weight_count(executed(runtime, op)) * _occupied", "size = weight_count(op) * _occupied", OF_COSTS),
    Mutant(
        COSTS,
        "return weights_flash(runtime, op, w_bits) + parameter_flash(runtime, op)",
        "return weights_flash(runtime, op, w_bits)",
        OF_COSTS,
    ),
    Mutant(COSTS, "return tuple(sorted(legal.intersection(candidates)))", "return tuple(sorted(candidates))", OF_COSTS),
    # Steps and live sets
    Mutant(STEPS, "            and np.array_equal(op.inputs[0].channels, op.output.channels)\n", "", OF_STEPS),
    Mutant(
        STEPS,
        "        for at in held[max(first, 0) : last + 1]:",
        "        for at in held[max(first, 0) : last]:",
        OF_STEPS,
    ),
    Mutant(
        STEPS, "lives.get(op.inputs[0].name, (0, -1))[1] == index", "lives.get(op.inputs[0].name, (0, -1))[1] >= index", OF_STEPS
    ),
    Mutant(
        STEPS,
        "if op.kind is OpKind.ADD and same_bits:",
        "if op.kind is OpKind.ADD:",
        (*OF_STEPS, "tests/memory/test_two_shapes.py"),
    ),
    Mutant(STEPS, "| dict.fromkeys(network.results, end)", "", OF_STEPS),
    # The recount of resources
    Mutant(RESOURCES, "+ self.scratch_bytes + self.persistent_bytes", "+ self.scratch_bytes", (*OF_COSTS, *OF_VERIFY)),
    Mutant(
        RESOURCES,
        'if pool.aggregate == "global_max":\n            needs',
        'if pool.aggregate == "none":\n            needs',
        (*OF_COSTS, *OF_STEPS, *OF_QBR),
    ),
    Mutant(RESOURCES, "flash += sum({(op.kind, bits.of(op)): code_flash", "flash += sum({op.kind: code_flash", OF_QBR),
    Mutant(
        RESOURCES, "max(self.steps, key=lambda use: use.total_bytes)", "min(self.steps, key=lambda use: use.total_bytes)", OF_VERIFY
    ),
    # Buffers and addresses
    Mutant(
        ARENA,
        "    return one.first <= other.last and other.first <= one.last",
        "    return one.first < other.last and other.first < one.last",
        OF_ARENA,
    ),
    Mutant(ARENA, "            and one.offset_bytes < other.end_bytes\n", "", OF_ARENA),
    Mutant(ARENA, "(one.arena, one.offset_bytes) != (other.arena, other.offset_bytes)", "False", OF_ARENA),
    # Rows of the integer program
    Mutant(ROWS, "least[op.kind] = max(least[op.kind], smallest)", "least[op.kind] += smallest", OF_QBR),
    Mutant(ROWS, "return sum(least.values())", "return 0", OF_QBR),
    Mutant(ROWS, "                total.fixed += lasting\n", "", (*OF_QBR, *OF_COSTS)),
    Mutant(ROWS, "others if max(costs.values()) > floor", "others if max(costs.values()) > 2 * floor", OF_QBR),
    Mutant(
        LINKS,
        "            self.fixed += costs[holder.widths[0]]\n            return\n        for width",
        "            return\n        for width",
        OF_QBR,
    ),
    Mutant(LINKS, "self._costs[holder.index][width] += costs[width]", "self._costs[holder.index][width] = costs[width]", OF_QBR),
    Mutant(
        COMPILE,
        "return self.nats(bound + 0.5 * len(self.problem.choices))",
        "return self.nats(bound - 0.5 * len(self.problem.choices))",
        OF_QBR,
    ),
    Mutant(REPAIR, "is_best = value == first.outcome.bound", "is_best = True", OF_QBR),
    # The score
    Mutant(QE, "math.fsum(self.stage_weights[stage:])", "math.fsum(self.stage_weights[stage + 1:])", OF_SCORE),
    Mutant(QE, "0.5 * np.log(fan_in(op))", "np.log(fan_in(op))", OF_SCORE),
    Mutant(QE, "sigma_hat(bits, self.sigma_w)", "sigma_hat(bits, self.sigma_a)", OF_SCORE),
    Mutant(QE, "self.stage_weights[stage] * np.log(tensor.channels)", "self.stage_weights[stage]", OF_SCORE),
    Mutant(SIGMA, "(2 * k - 1) * math.erfc", "(2 * k) * math.erfc", OF_SCORE),
    Mutant(SIGMA, "last = min(2 ** (bits - 1),", "last = min(2 ** bits,", OF_SCORE),
    # The bound and its second evaluator
    Mutant(WALK, "return np.where(narrower > 0, best, -np.inf)", "return np.where(narrower > 1, best, -np.inf)", OF_BOUND),
    Mutant(
        WALK,
        "counts = {used for used in counts if used + ahead <= budget} or {0}",
        "counts = {used for used in counts if used + ahead < budget} or {0}",
        OF_BOUND,
    ),
    Mutant(WALK, "(entering != width) if block.may_shrink else (entering < width)", "(entering != width)", OF_BOUND),
    Mutant(BOUNDER, "return value + ROUNDING * abs(value)", "return value - 1e-3 * abs(value)", OF_BOUND),
    Mutant(
        RECHECK,
        "allowed &= entering[pairs[:, 0]] <= leaving[pairs[:, 1]]",
        "allowed &= entering[pairs[:, 0]] < leaving[pairs[:, 1]]",
        OF_BOUND,
    ),
    Mutant(RECHECK, "price * (total.limit or 0)", "price * 0", OF_BOUND),
    Mutant(TABULATE, "            fits &= used <= limit\n", "            fits &= used < limit // 2\n", OF_BOUND),
    Mutant(
        TABULATE,
        "needs.append(total if meant.at_most is None else",
        "needs.append(total * 0 if meant.at_most is None else",
        OF_BOUND,
    ),
    # The recount of designs
    Mutant(RECOUNT, "if counted[name].used != claimed.used", "if counted[name].used > claimed.used", OF_VERIFY),
    Mutant(RECOUNT, "if counted[name].limit != claimed.limit", "if False", OF_VERIFY),
    Mutant(
        RECOUNT,
        "if use.limit is not None and use.used > use.limit",
        "if use.limit is not None and use.used > 2 * use.limit",
        OF_VERIFY,
    ),
    Mutant(RECOUNT, "abs(score - said.score) > 1e-9 * abs(score)", "abs(score - said.score) > 1e-2 * abs(score)", OF_VERIFY),
    Mutant(CLAIMS, "return (answer, *alternatives, *baselines)", "return (answer, *alternatives)", OF_VERIFY),
    Mutant(CLAIMS, "for name in sorted(has - needs)", "for name in ()", OF_VERIFY),
    Mutant(DESIGN_ARENA, "if arena.minimal != (arena.bytes == arena.bound):", "if False:", OF_VERIFY),
    Mutant(DESIGN_ARENA, "    if arena.bound > found.bound:", "    if arena.bound > 2 * found.bound:", OF_VERIFY),
    Mutant(DESIGN_ARENA, "if claimed.offset < 0 or claimed.offset % align:", "if claimed.offset % align:", OF_VERIFY),
    # Verification
    Mutant(TWICE, '("scratch", claimed.scratch, step.scratch_bytes),', "", OF_VERIFY),
    Mutant(TWICE, "    if bound < score and not same(bound, score):", "    if False:", OF_VERIFY),
    Mutant(TWICE, "design.gap > search.gap * (1 + TOLERANCE)", "False", OF_VERIFY),
    Mutant(BITS, "    elif own.value != value:", "    elif False:", OF_VERIFY),
    Mutant(BITS, "if certificate.bound is not None and certificate.bound < proven:", "if False:", OF_VERIFY),
    Mutant(BITS, "        if engine not in known and claims:", "        if False:", OF_VERIFY),
    Mutant(SPACE, "begins[1:] == [end + 1 for end in inner]", "all(b <= end + 2 for b, end in zip(begins[1:], inner))", OF_VERIFY),
    Mutant(SPACE, "begins[0] == 0 and ends[-1] is None", "ends[-1] is None", OF_VERIFY),
    Mutant(SPACE, "if proven is not None and proven > design.bound and not same(proven, design.bound):", "if False:", OF_VERIFY),
    Mutant(OTHERS, "if proven is not None and proven >= EXCLUDED:", "if False:", OF_VERIFY),
    Mutant(OTHERS, "        if structure in seen:", "        if structure is best:", OF_VERIFY),
    Mutant(OTHERS, "if other.score < floor and not same(other.score, floor):", "if False:", OF_VERIFY),
    Mutant(MADE, "if made.seed != study.search.seed:", "if False:", OF_VERIFY),
    Mutant(MADE, "    if changes:\n", "    if False:\n", OF_VERIFY),
    Mutant(SHIPPED, "if not found:", "if True:", OF_VERIFY),
)

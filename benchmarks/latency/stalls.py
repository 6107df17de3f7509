"""How many times as many cycles a board takes as another with the same core and engine: `python benchmarks/latency/stalls.py`."""

from statistics import geometric_mean

from measurements import read

PAIRS = {"CY8CPROTO0624343W": "NUCLEOL4R5ZI", "DISCOF746NG": "NUCLEOH7A3ZI"}

if __name__ == "__main__":
    rows = [row for row in read() if not row.excluded]
    for board, other in PAIRS.items():
        ratios = [
            (one.ms * one.clock_mhz) / (two.ms * two.clock_mhz)
            for one in rows
            for two in rows
            if (one.board, two.board) == (board, other)
            and (one.round, one.engine, one.network) == (two.round, two.engine, two.network)
        ]
        print(f"{board}: {geometric_mean(ratios):.3f} times {other} ({min(ratios):.2f} to {max(ratios):.2f}, {len(ratios)} pairs)")

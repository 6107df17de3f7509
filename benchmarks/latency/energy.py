"""Power that submitted energies come to, by engine, board and submitter: `python benchmarks/latency/energy.py`.

On one board with one engine, energy is time at nearly the same power; the same board and engine differ between submitters.
"""

from statistics import geometric_mean

from measurements import ENGINES, Row, read


def main() -> None:
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in read():
        if row.energy_uj and not row.excluded and row.engine in ENGINES:
            groups.setdefault((row.engine, row.board, row.submitter), []).append(row)
    print("| engine | board | submitter | rows | mW | energy beside mW x ms |")
    print("|---|---|---|---|---|---|")
    for key, rows in sorted(groups.items()):
        powers = [(row.energy_uj or 0) / row.ms for row in rows]
        mean = geometric_mean(powers)
        low, high = (100 * (power / mean - 1) for power in (min(powers), max(powers)))
        print(f"| {' | '.join(key)} | {len(rows)} | {mean:.1f} | {low:+.0f} to {high:+.0f} % |")


if __name__ == "__main__":
    main()

"""Write what part A measured as the two tables that `qeopt correlate` and `qeopt fit` read: 100 designs, each trained twice.

python benchmarks/truth/share.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

from learnt import write_tables
from results import rows


def main(folder: Path) -> None:
    """Write FOLDER/features.csv and FOLDER/results.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    found = [row for row in rows() if row.part == "A"]
    write_tables(found, folder / "features.csv", folder / "results.csv")
    print(f"{len(found)} trainings of {len({row.design for row in found})} designs")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

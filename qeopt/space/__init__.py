"""Search spaces: declared choices, structures, and the networks they expand to."""

from qeopt.space.space import BLOCKS, Place, PlacedCell, Space, Structure, Task

__all__ = ["BLOCKS", "Place", "PlacedCell", "Space", "Structure", "Task"]

"""Search spaces: declared choices, structures, and the networks they expand to."""

from qeopt.space.space import BLOCKS, NamedCell, Space, Structure, Task

__all__ = ["BLOCKS", "NamedCell", "Space", "Structure", "Task"]

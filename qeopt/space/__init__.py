"""Search spaces: declared choices, structures, and the networks they expand to."""

from qeopt.space.fixed import MODEL_SUFFIXES, FileNetwork, GraphNetwork
from qeopt.space.space import BLOCKS, Place, PlacedCell, Space, Structure, Task
from qeopt.space.subject import Subject

__all__ = [
    "BLOCKS",
    "MODEL_SUFFIXES",
    "FileNetwork",
    "GraphNetwork",
    "Place",
    "PlacedCell",
    "Space",
    "Structure",
    "Subject",
    "Task",
]

"""The joint bound against full enumeration: never below the optimum, and near it."""

from __future__ import annotations


import pytest

from qeopt.search import SearchSettings, explore
from qeopt.search.bound import bound_space
from qeopt.space import Structure


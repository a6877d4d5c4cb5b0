"""The data of this example: FashionMNIST where it is on disk, else 1,797 real handwritten digits. One process prepares
them, the others wait for its lock.
"""

import fcntl
import gzip
import os
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

PLACES = ["FashionMNIST/raw", "FashionMNIST/FashionMNIST/raw", "/usr/share/datasets/fashion-mnist"]


def read_idx(path):
    """The array in an IDX file, as FashionMNIST and MNIST are stored, compressed or not."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    shape = [int.from_bytes(data[4 * k : 4 * k + 4], "big") for k in range(1, data[3] + 1)]
    return np.frombuffer(data, dtype=np.uint8, offset=4 + 4 * len(shape)).reshape(shape)


def fashion(dataset_path):
    """The training images and their labels; None where they are not on disk."""
    for place in PLACES:
        for suffix in ("", ".gz"):
            images, labels = (
                Path(dataset_path, place, f"train-{name}-ubyte{suffix}") for name in ("images-idx3", "labels-idx1")
            )
            if images.is_file() and labels.is_file():
                return read_idx(images), read_idx(labels)
    return None


def prepare(dataset_path):
    found = fashion(dataset_path)
    images, labels = load_digits(return_X_y=True) if found is None else found
    scale = images.max()
    return (images.reshape(len(images), -1) / scale).astype(np.float32), labels.astype(int)


def data(dataset_path):
    """Images [n, pixels] from 0 to 1 and labels [n]."""
    path = Path(dataset_path, "prepared.npz")
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # released with the file, also when its process dies
        if not path.exists():
            images, labels = prepare(dataset_path)
            fresh = path.with_name(f".{os.getpid()}.npz")
            np.savez(fresh, images=images, labels=labels)
            fresh.replace(path)
    with np.load(path) as saved:
        return saved["images"], saved["labels"]

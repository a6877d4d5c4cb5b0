"""The data of these examples: MNIST where torchvision has it on disk, else scikit-learn's 1,797 handwritten digits.

The environment variable IMAGES says with how many a network is trained (400; 0: all); a quarter as many validate it.
"""

import os

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch.utils.data import Dataset, Subset

try:
    from torchvision import datasets
    from torchvision.transforms import Compose, Normalize, ToTensor
except ImportError:  # the same, as far as they are used here
    datasets = None

    def Compose(steps):
        def all_of_them(image):
            for step in steps:
                image = step(image)
            return image

        return all_of_them

    def ToTensor():
        return lambda image: torch.from_numpy(image).float()[None] / 255

    def Normalize(mean, std):
        return lambda image: (image - mean[0]) / std[0]


__all__ = ["MNIST", "Compose", "Normalize", "ToTensor"]


class Digits(Dataset):
    """8 x 8 pixels of 0 to 16 as 28 x 28 pixels of 0 to 255; each fourth image is for validation."""

    def __init__(self, train, transform):
        images, self.labels = load_digits(return_X_y=True)
        chosen = (np.arange(len(images)) % 4 > 0) == train
        large = np.kron(images[chosen].reshape(-1, 8, 8), np.ones((3, 3)))
        padded = np.pad(large, ((0, 0), (2, 2), (2, 2)))
        self.images, self.labels = (padded * (255 / 16)).astype(np.uint8), self.labels[chosen]
        self.transform = transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, place):
        return self.transform(self.images[place]), int(self.labels[place])


def MNIST(root=".", train=True, transform=None, download=False):
    """As torchvision's; nothing is downloaded."""
    try:
        data = datasets.MNIST(root, train, transform, download=False)
    except (AttributeError, RuntimeError):  # no torchvision, or no MNIST on disk
        data = Digits(train, transform)
    wanted = int(os.environ.get("IMAGES", "400"))
    return Subset(data, range(min(len(data), wanted if train else wanted // 4))) if wanted else data

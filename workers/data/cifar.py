"""CIFAR-10 and CIFAR-100 (Krizhevsky, 2009): 50,000 training images of 32x32 px in colour, in torchvision's layout."""

from torchvision import datasets

from workers.data.dataset import Dataset, ImageSource, Part, Request
from workers.data.torchvision_source import open_torchvision


def open_cifar10(request: Request, part: Part) -> ImageSource:
    return open_torchvision(
        "cifar10", lambda root: datasets.CIFAR10(root, train=part == "train", download=request.download), request
    )


def open_cifar100(request: Request, part: Part) -> ImageSource:
    return open_torchvision(
        "cifar100", lambda root: datasets.CIFAR100(root, train=part == "train", download=request.download), request
    )


CIFAR10 = Dataset(open=open_cifar10, size_px=32, epochs=4, train_size=8000, flip=True, shift=0.125)
CIFAR100 = Dataset(open=open_cifar100, size_px=32, epochs=5, train_size=10000, flip=True, shift=0.125)

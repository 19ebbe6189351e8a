"""Fashion-MNIST (Xiao et al., 2017): 60,000 training images of 28x28 px in grey, in torchvision's layout.

torchvision reads only unpacked files and unpacks archives in their folder; archives in a read-only folder are unpacked
into a temporary one instead.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from torchvision import datasets
from torchvision.datasets.utils import extract_archive

from workers.data.dataset import Dataset, ImageSource, Part, Request
from workers.data.torchvision_source import open_torchvision

RAW = Path("FashionMNIST", "raw")


def open_fashion_mnist(request: Request, part: Part) -> ImageSource:
    def load(root: Path) -> datasets.FashionMNIST:
        archives = sorted((root / RAW).glob("*-ubyte.gz"))
        if not archives or list((root / RAW).glob("*-ubyte")):
            return datasets.FashionMNIST(root, train=part == "train", download=request.download)
        with TemporaryDirectory(prefix="nas-fashion-mnist-") as folder:
            (Path(folder) / RAW).mkdir(parents=True)
            for archive in archives:
                extract_archive(str(archive), str(Path(folder) / RAW))
            return datasets.FashionMNIST(folder, train=part == "train")

    return open_torchvision("fashion-mnist", load, request)


FASHION_MNIST = Dataset(open=open_fashion_mnist, size_px=28, epochs=2, train_size=2000, flip=True, shift=0.08)

"""Predictions of a trained network for pictures: files, PIL images or arrays to class names and probabilities."""

import json
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nas.errors import ParameterError
from nas.exports.preprocessing import Preprocessing
from nas.options import DEFAULT_MAX_PIXELS

BATCH = 64
# Key of an ONNX file's metadata under which it holds its preprocessing, as JSON.
METADATA = "preprocessing"
ARRAY_CHANNELS = {1, 3, 4}
UINT8_TENSOR = "tensor(uint8)"
# Images (N, channels, height_px, width_px) of uint8 to logits (N, classes).
Logits = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


class Prediction(NamedTuple):
    """The most likely class of a picture, its probability, and those of all classes by name."""

    name: str
    probability: float
    probabilities: dict[str, float]


class Predictor:
    """Predicts the classes of pictures. As `nas.load(folder).predict` it is an attribute of the network."""

    def __init__(self, logits: Logits, preprocessing: Preprocessing) -> None:
        self._logits = logits
        self.preprocessing = preprocessing

    def __call__(self, pictures: Any, max_pixels: int = DEFAULT_MAX_PIXELS) -> list[Prediction]:
        """Predict the classes of one picture or several: paths, PIL images or arrays.

        Arrays are (H, W), (H, W, C) or (C, H, W), of uint8 or of decimals from 0 to 1; several are a list of them, or
        one array with a dimension more (of three dimensions, only where none is of 1, 3 or 4 channels). Raises
        DataError for what is no picture, and for a file of more pixels than `max_pixels`.
        """
        predictions: list[Prediction] = []
        remaining = iter(_several(pictures))
        while chosen := list(islice(remaining, BATCH)):
            images_NCHW = np.stack([self.preprocessing.image(picture, max_pixels) for picture in chosen])
            predictions += map(self._prediction, self._logits(images_NCHW))
        return predictions

    def _prediction(self, logits_K: NDArray[np.float32]) -> Prediction:
        classes = self.preprocessing.classes
        exponentials_K = np.exp(logits_K.astype(np.float64) - logits_K.max())
        shares = (exponentials_K / exponentials_K.sum()).tolist()
        best = int(logits_K.argmax())
        return Prediction(classes[best], shares[best], dict(zip(classes, shares, strict=True)))


def onnx_predictor(path: Path) -> Predictor:
    """Make the predictor of an ONNX file that `nas export` wrote, by ONNX Runtime on the CPU.

    Raises ParameterError for a file that cannot be read or does not hold its preprocessing.
    """
    import onnxruntime

    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    # ONNX Runtime raises classes of its own for files that are broken or missing.
    except Exception as error:
        raise ParameterError(f"{str(path)!r} is no ONNX file that can be read: {str(error).splitlines()[0]}") from error
    recorded = session.get_modelmeta().custom_metadata_map.get(METADATA)
    if recorded is None:
        raise ParameterError(f"{str(path)!r} holds no record of its preprocessing: export a trained network")
    preprocessing = Preprocessing.from_dict(json.loads(recorded))
    entry = session.get_inputs()[0]

    def logits(images_NCHW: NDArray[np.uint8]) -> NDArray[np.float32]:
        fed = images_NCHW if entry.type == UINT8_TENSOR else preprocessing.normalised(images_NCHW)
        (computed,) = session.run(None, {entry.name: fed})
        return np.asarray(computed)

    return Predictor(logits, preprocessing)


def _several(pictures: Any) -> Iterable[Any]:
    """The pictures one by one: an array of two dimensions, or of three with one of channels, is one picture."""
    if isinstance(pictures, str | Path | Image.Image):
        return (pictures,)
    if isinstance(pictures, np.ndarray) and (
        pictures.ndim == 2 or (pictures.ndim == 3 and {pictures.shape[0], pictures.shape[-1]} & ARRAY_CHANNELS)
    ):
        return (pictures,)
    several: Iterable[Any] = pictures
    return several

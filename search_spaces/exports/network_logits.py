"""The logits of a trained network for pictures, as nas.exports.prediction.Predictor asks for them."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from nas.exports.preprocessing import Preprocessing


class NetworkLogits:
    """A torch network's logits of images of uint8, on the network's device."""

    def __init__(self, network: nn.Module, preprocessing: Preprocessing) -> None:
        self._network = network
        self._preprocessing = preprocessing

    def __call__(self, images_NCHW: NDArray[np.uint8]) -> NDArray[np.float32]:
        normalised_NCHW = self._preprocessing.normalised(images_NCHW)
        device = next((weight.device for weight in self._network.parameters()), torch.device("cpu"))
        was_training = self._network.training
        self._network.eval()
        try:
            with torch.inference_mode():
                logits: NDArray[np.float32] = self._network(torch.from_numpy(normalised_NCHW).to(device)).cpu().numpy()
        finally:
            self._network.train(was_training)
        return logits

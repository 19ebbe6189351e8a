"""The writing of a network file (nas.exports.network_file) after a training."""

import json

from safetensors.torch import save
from torch import nn

from nas.exports.network_file import PREPROCESSING
from nas.exports.pictures import Rules
from nas.exports.preprocessing import Preprocessing
from workers.data.dataset import ProxyData
from workers.training.loop import ResidentData


def network_file(network: nn.Module, data: ProxyData, resident: ResidentData, rules: Rules) -> bytes:
    """The file of a network that was trained on the data, which is resident in memory."""
    model_input = data.model_input
    preprocessing = Preprocessing(
        model_input.height_px,
        model_input.width_px,
        *resident.normalise.channels,
        tuple(data.class_counts),
        **vars(rules),
    )
    weights = {name: weight.cpu().contiguous() for name, weight in network.state_dict().items()}
    return save(weights, {PREPROCESSING: json.dumps(preprocessing.to_dict())})

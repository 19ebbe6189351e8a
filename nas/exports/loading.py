"""Loading a trained network from the folder that holds its config and weights."""

from typing import Any

from nas import plugins
from nas.errors import ParameterError
from nas.exports.prediction import Predictor
from nas.exports.source import WEIGHTS_FILE, source_of


def load_network(folder: str, *, folded: bool = False) -> Any:
    """Load the network of a folder, as `nas.load` does."""
    source = source_of(folder)
    if source.weights is None:
        raise ParameterError(f"folder {folder!r} has no {WEIGHTS_FILE}; nas.build makes the network without weights")
    model = plugins.load(plugins.WEIGHTS, "safetensors")(source.config, source.weights)
    if folded:
        model = plugins.load(plugins.BUILDERS, source.config.builder).folded(model)
    preprocessing = source.config.preprocessing
    if preprocessing is not None:
        logits = plugins.load(plugins.PREDICTORS, "torch")(model, preprocessing)
        # No module, and so no part of the state: a plain attribute, which copies and pickles with the network.
        model.predict = Predictor(logits, preprocessing)
    return model

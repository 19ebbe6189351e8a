"""The test part of a search's data set, on which the networks of its front are judged once, at the end."""

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from safetensors.torch import load

from nas import plugins
from nas.architecture import Architecture, ModelInput
from nas.builder import Builder
from nas.evaluation import EvaluationOptions
from nas.exports.network_file import preprocessing_of
from nas.exports.pictures import Rules
from nas.options import PLAIN_ACCURACY
from workers.data.dataset import Dataset, Request
from workers.retrain.data import FurtherPictures, Pictures
from workers.training.judgement import judge
from workers.training.normalisation import Normalisation
from workers.training.setting import FP32


@dataclass(frozen=True)
class TestPart:
    """The test part of the data set that the options name, for networks of this input.

    `rules` are those by which the training part's pictures became images.
    """

    options: EvaluationOptions
    rules: Rules
    model_input: ModelInput
    device: str

    def accuracy(self, architecture: Architecture, weights: bytes) -> float:
        """Judge the weights of a network file (workers.training.network_file) on all pictures, by the search's metric.

        Raises DataError where there is no test part, or it cannot be read.
        """
        device = torch.device(self.device)
        builder: Builder = plugins.load(plugins.BUILDERS, plugins.BUILDER)
        network = builder.build(architecture, self.model_input)
        network.load_state_dict(load(weights))
        FP32.place(network.to(device))
        preprocessing = preprocessing_of(weights)
        normalise = Normalisation.by_channel(preprocessing.mean, preprocessing.std, device)
        metric = self.options.metric or PLAIN_ACCURACY
        return judge(network, FurtherPictures(self.pictures, normalise, metric), FP32).value

    @cached_property
    def pictures(self) -> Pictures:
        plugin, _, argument = self.options.dataset.partition(":")
        dataset: Dataset = plugins.load(plugins.DATASETS, plugin)
        source = dataset.open(replace(Request.of(argument, self.options), rules=self.rules), "test")
        return Pictures.all_of(source, self.model_input.size_px, torch.device(self.device))

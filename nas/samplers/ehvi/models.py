"""The old name of nas.samplers.ehvi.fitting, for one release."""

from nas.samplers.deprecated import renamed_names

__getattr__ = renamed_names(
    __name__,
    "nas.samplers.ehvi.fitting",
    {
        "Models": "Surrogates",
        "Sample": "TrainingSet",
        "Scale": "OutcomeTransform",
        "schedule": "fit_size",
        "front_gaps": "front_gaps",
    },
)

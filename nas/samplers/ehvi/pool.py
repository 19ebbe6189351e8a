"""The old name of nas.samplers.ehvi.candidate_pool, for one release."""

from nas.samplers.deprecated import renamed_names

__getattr__ = renamed_names(__name__, "nas.samplers.ehvi.candidate_pool", {"Pool": "CandidatePool"})

"""What a stopped trial would have reached: its last epoch, carried on as the complete ones went on from there."""

from collections.abc import Sequence

import numpy as np

from nas.samplers.ehvi.history import Observation

# So many complete trials must tell how curves go on.
FEWEST = 8


def carried_on(stopped: Sequence[float], complete: Sequence[Observation]) -> tuple[float, float] | None:
    """The expected final loss of a curve, and its standard deviation; None while too little is known.

    By a straight line through the complete trials' losses, that of the same epoch against the final one, towards which
    a line of slope 1 is drawn where there are few.
    """
    epoch = len(stopped)
    pairs = [(each.curve[epoch - 1], each.losses[0]) for each in complete if len(each.curve) >= epoch]
    if len(pairs) < FEWEST:
        return None
    early, final = np.array(pairs).T
    early_off, final_off = early - early.mean(), final - final.mean()
    ridge = early_off.var() + 1e-12
    slope = (early_off @ final_off + ridge) / (early_off @ early_off + ridge)
    left = final_off - slope * early_off
    deviation = float(np.sqrt(left @ left / (len(pairs) - 2)))
    return float(final.mean() + slope * (stopped[-1] - early.mean())), deviation

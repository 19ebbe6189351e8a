"""Bayesian optimisation of one expensive objective (accuracy) and cheap ones by expected hypervolume improvement.

A surrogate models the expensive loss (surrogate.py, with the kernel in kernel.py); costs.py gives the cheap ones. The
acquisition (acquisition.py) is the expected hypervolume improvement, in closed form by a box decomposition
(box_decomposition.py), as a share of the front's in the region of interest and in the whole (regions.py). sampler.py
maximises it over a candidate pool (candidate_pool.py).

Notation. n observations; m members to predict, often candidates; k objectives; d parameters of the space; p columns,
in g groups; s shares; q metrics; c cells. A standard unit is one standard deviation of the losses after the transform.

symbol         meaning                                                                   shape     unit
row            a member: the index of its option for each parameter, as bytes            (d,)      int16
losses         objectives to be minimised, the expensive one first; maximised ones are   (n, k)    the objective's;
               negated, cheap ones above 0 in logarithms                                           in fits standard
curve          training loss after each epoch                                            (epochs,) the training loss's
metrics        numbers known without training: costs, then features; NaN: unknown        (m, q)    the metric's
X  values      binary columns of the design matrix, of choices and of binned metrics     (n, p)    0 or 1
   groups      group of each column; a group shares a weight                             (p,)      index
   scales      each column's part of a difference in its group                           (p,)      -
S  shares      how often each option is chosen among parameters with the same options    (n, s)    mean norm^2 of 1
w  weights     exp(log_weights)[groups] * scales                                         (p,)      -
D  distance    sum_j w_j |x_j - y_j|, the weighted count of differing choices            (n, m)    -
K  covariance  signal * exp(-D) + shares * S S^T, + noise + extra_noise on the diagonal  (n, n)    standard unit^2
   signal, shares, noise   variances: of the kernel's two terms, of one measurement      ()        standard unit^2
   extra_noise variance of a predicted target: 0 for complete trials                     (n,)      standard unit^2
L^-1 whitening inverse of K's Cholesky factor, K = L L^T                                 (n, n)    1 / standard unit
a  solved      K^-1 losses                                                               (n,)      1 / standard unit
mean, sd       the surrogate's posterior, without noise                                  (m,)      standard unit
gaps           how far a first loss is behind the front beside it                        (n,)      standard unit
reference      the worst point that counts for the hypervolume of a region               (k,)      as losses in fits
weight         a region's part in the acquisition; the weights' sum is 1                 ()        share
to_beat        the front's first loss in a cell of the other losses' grid                (c,)      standard unit
gain           expected gain of hypervolume / the front's, the regions' weighted mean    (m,)      share
improvement    a candidate's gain; below 0: minus the violation of limits                (m,)      share
expected_gain  a running trial's gain                                                    ()        share
"""

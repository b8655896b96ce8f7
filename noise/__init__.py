"""Scheduled noise injection into the features of a network (Hong & Jeong, CVPR Workshops 2023).

    noise.attach_periodic(model, interval=5)    # once, before the optimiser is made
    ...
    noise.set_step(model, epoch)                # each epoch, counted from 1, before its first batch

`attach_dynamic`, `attach_dropout` and `attach_gaussian` need the first line only. Each returns the names of the sites
that it attached to; `noise.sites` says which sites there are.
"""

from noise.attaching import attach
from noise.dropout import attach_dropout
from noise.dynamic import AutoReLU, CliffReLU, attach_dynamic, auto_relu, cliff_relu
from noise.gaussian import GaussianNoise, attach_gaussian, gaussian_noise
from noise.negate import Negate, attach_negate
from noise.periodic import SignFlip, attach_periodic, flag_at, flipped_stretches, sign_flip
from noise.schedule import in_force, set_step, signs, site_names
from noise.sites import SITE_SETS, Site, find_sites

__all__ = [
    "SITE_SETS",
    "AutoReLU",
    "CliffReLU",
    "GaussianNoise",
    "Negate",
    "SignFlip",
    "Site",
    "attach",
    "attach_dropout",
    "attach_dynamic",
    "attach_gaussian",
    "attach_negate",
    "attach_periodic",
    "auto_relu",
    "cliff_relu",
    "find_sites",
    "flag_at",
    "flipped_stretches",
    "gaussian_noise",
    "in_force",
    "set_step",
    "sign_flip",
    "signs",
    "site_names",
]

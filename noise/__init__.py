"""Scheduled noise injection into the features of a network (Hong & Jeong, CVPR Workshops 2023).

    noise.attach_periodic(model, interval=5)    # once, before the optimiser is made
    ...
    noise.set_step(model, epoch)                # each epoch, counted from 1, before its first batch
    ...
    noise.fold(model)                           # at the end: the plain network again, with the signs in its weights

`attach_dynamic`, `attach_dropout` and `attach_gaussian` need no step. Each returns the names of the sites that it
attached to; `noise.sites` says which sites there are, `noise.schedule` what a method of one's own may offer.
"""

from noise.attaching import attach, detach, methods
from noise.attaching.first_step import NoiseWarning
from noise.bursts import GaussianBursts, attach_bursts
from noise.dropout import attach_dropout
from noise.dynamic import AutoReLU, CliffReLU, attach_dynamic, auto_relu, cliff_relu, clipped
from noise.first_turn import first_turn, start_for
from noise.folding import fold
from noise.gaussian import GaussianNoise, attach_gaussian, gaussian_noise
from noise.negate import Negate, attach_negate
from noise.periodic import SignFlip, attach_periodic, flag_at, flipped_stretches, sign_flip, turns
from noise.schedule import in_force, set_step, signs, site_names
from noise.sites import SITE_SETS, Site, find_sites

__all__ = [
    "SITE_SETS",
    "AutoReLU",
    "CliffReLU",
    "GaussianBursts",
    "GaussianNoise",
    "Negate",
    "NoiseWarning",
    "SignFlip",
    "Site",
    "attach",
    "attach_bursts",
    "attach_dropout",
    "attach_dynamic",
    "attach_gaussian",
    "attach_negate",
    "attach_periodic",
    "auto_relu",
    "cliff_relu",
    "clipped",
    "detach",
    "find_sites",
    "first_turn",
    "flag_at",
    "flipped_stretches",
    "fold",
    "gaussian_noise",
    "in_force",
    "methods",
    "set_step",
    "sign_flip",
    "signs",
    "site_names",
    "start_for",
    "turns",
]

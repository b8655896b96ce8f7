"""Putting methods into a network, and taking them out again."""

from noise.attaching.first_step import NoiseWarning
from noise.attaching.surgery import Injecting, attach, detach, holders, methods, must_be_as_attached

__all__ = ["Injecting", "NoiseWarning", "attach", "detach", "holders", "methods", "must_be_as_attached"]

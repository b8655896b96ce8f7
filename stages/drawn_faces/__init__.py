"""Draws the embedded data set: faces with expressions, laid out as AffectNet's 2017 release."""

from stages.drawn_faces.affectnet import write_affectnet

__all__ = ["write_affectnet"]

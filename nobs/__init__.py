"""Measure what a machine really does on real AI work: real models, real data, honest numbers."""

__version__ = "0.1.0"

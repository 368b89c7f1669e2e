"""Holdfast: a network state database."""

__version__ = "0.1.0"

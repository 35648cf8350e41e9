"""Data and weights: found or fetched, and checked by sha256 before measuring."""

from nobs.data.checks import digest_file, digest_rows

__all__ = ["digest_file", "digest_rows"]

"""A verdict as one sentence."""

from nobs.schema.report import Verdict
from nobs.units import format_share


def describe_verdict(verdict: Verdict, repeats: int) -> str:
    """Return the verdict and its reasons, the gravest first."""
    reasons = [finding.message for finding in verdict.findings]
    if verdict.stable:
        width = format_share(verdict.uncertainty or 0.0)
        reasons.insert(0, f"95 % CI \N{PLUS-MINUS SIGN}{width} after {repeats} repeats")
    return f"{verdict.word}: {'; '.join(reasons)}."

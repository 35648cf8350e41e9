"""A verdict as one sentence."""

from nobs.schema.report import Verdict
from nobs.units import format_share


def describe_verdict(verdict: Verdict, repeats: int) -> str:
    """Return `stable` with what was reached, or `not stable` with every reason, then the notes."""
    told = "; ".join(finding.message for finding in verdict.findings)
    if not verdict.stable:
        return f"not stable: {told}."
    share = format_share(verdict.uncertainty or 0.0)
    known = f"stable: {repeats} repeats, the median repeat is known to {share}"
    return f"{known}; {told}." if told else f"{known}."

"""Merging what several clients measured of one load."""


class NotMergeable(Exception):
    """The shares don't make one load; `reasons` are clauses with their values."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons

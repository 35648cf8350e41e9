"""The task score: units of work per hour."""

SECONDS_PER_HOUR = 3600.0


def calculate_score(num_tasks: int, total_time: float, C: float = SECONDS_PER_HOUR) -> float:  # noqa: N803 - the formula's published name
    """Return `num_tasks * C / total_time`; `total_time` is in seconds and must be positive."""
    if total_time <= 0:
        raise ValueError(f"total_time must be positive, not {total_time}")
    return num_tasks * C / total_time

"""The step: open the workload, measure it, write its result; one process per step."""

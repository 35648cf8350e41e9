"""The step: open the workload, measure it, write its result; one fresh process each."""

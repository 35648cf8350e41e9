"""Cold starts as figures and a chart."""

from nobs.tasks.cold.figures import PROCESS_PARTS, first_result, parts_chart, steady

FIRST_RESULT = first_result(
    "first result",
    "from the start of a process to its first embedding, weights not in memory before",
)
STEADY = steady("median of further embeddings of one text in the same process")
PARTS = parts_chart(PROCESS_PARTS, "from the start of the process to the first embedding")

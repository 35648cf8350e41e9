"""What the third party's task measures: rows that are no texts, with evidence of its own."""

from nobs.data.found import Inputs
from nobs.data.texts import load_texts
from nobs.schema.pins import DatasetPin
from nobs.schema.result import DataEvidence


class LinesEvidence(DataEvidence):
    longest: int


def load_lines(pin: DatasetPin, *, offline: bool = False, force: bool = False) -> Inputs:
    texts = load_texts(pin, offline=offline, force=force)
    seen = texts.evidence.model_dump(exclude={"characters"})
    evidence = LinesEvidence(**seen, longest=max(map(len, texts.rows)))
    return Inputs(rows=tuple({"line": row} for row in texts.rows), evidence=evidence)

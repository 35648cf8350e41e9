"""The client of a streamed answer: stamps where bytes arrive, reads them afterwards."""

"""From values to text; no input or output here."""

"""`vlms`: what an image costs a served vision-language model, and whether it looked at it."""

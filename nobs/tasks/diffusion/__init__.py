"""`diffusion`: seconds per image of text-to-image pipelines, with the time of each phase."""

"""What holds for every test."""

import signal

from hypothesis import settings

# A shell starts background jobs with SIGINT ignored, and children would inherit that: here Ctrl-C
# means what it means to people, however these tests were started.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("default", deadline=None)
settings.register_profile("long", deadline=None, max_examples=2000)
settings.load_profile("default")

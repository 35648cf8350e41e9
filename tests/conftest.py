"""What holds for every test."""

import signal

# A shell starts background jobs with SIGINT ignored, and children would inherit that: here Ctrl-C
# means what it means to people, however these tests were started.
signal.signal(signal.SIGINT, signal.default_int_handler)

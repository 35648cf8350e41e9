"""`python -m nobs` is `nobs`."""

from nobs.cli import main

if __name__ == "__main__":
    main()

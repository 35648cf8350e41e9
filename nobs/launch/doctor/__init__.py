"""What `nobs doctor` looks at."""

"""Import older reports: values that they don't have are null, nothing is invented."""

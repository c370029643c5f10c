"""The way out to commercetools: what is owed, in which order, and its delivery."""

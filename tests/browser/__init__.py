"""Looking at pages with a browser."""

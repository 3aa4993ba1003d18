"""The demo: a small bank's inventory, built from real data through the real acts."""

"""What runs inside the child process: the only code that touches hostile bytes."""

"""Evaluators: frames and predictions in, measurements out. Pure, worker only."""

"""Decisions and doors: risk, policy, approvals, gate, pages, API."""

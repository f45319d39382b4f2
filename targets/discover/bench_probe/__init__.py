"""Asks a project what it is, in its own interpreter: its settings, its routes, and what they answer.

Standard library only, and Python 3.6 or later. Nothing here may change the project's files or its
database: SQLite is copied first, and other databases are opened read-only.
"""

"""The database: SQLite in the owner's folder, or PostgreSQL by URL.

`database.py` lends one transaction at a time; the other modules hold plain functions of a
connection that take and return engine values. Nothing outside this folder holds a row.
"""

"""Documents as files: quotes, invoices and what cancels them, e-invoices, monthly reports.

Everything here is a pure function from engine values to bytes. It draws with fpdf2 and takes tens
of milliseconds, so it belongs on a thread and is imported when it is needed.
"""

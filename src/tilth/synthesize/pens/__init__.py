"""What people wrote with pens: the files it comes in, put on a base line, and words put together from its letters."""

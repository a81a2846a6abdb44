"""A grammar of texts: the notation of templates, a book of them, what fills them in, and templates induced from texts."""

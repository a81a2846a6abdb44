"""Arrays in, arrays out: what two verbs share goes down here. Nothing here knows a noun, a step or torch."""
